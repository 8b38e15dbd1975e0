/** The tarball that would be published: what is in it, and that an empty project can install and run it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { aggregate } from '../src/index.js';

const updates = [
  [1, 10],
  [2, 20],
  [3, 30],
  [1e9, -1e9],
];

const script = `
import { aggregate, median, pipeline } from 'quorate';
import { signFlipping } from 'quorate/attacks';
const inline = await import('quorate/inline');

const updates = ${JSON.stringify(updates)}.map((row) => Float32Array.from(row));
const lies = signFlipping().forge(updates.slice(0, 3), 2);
const results = {
  byName: await aggregate(updates, 'trimmed-mean', { f: 1 }),
  byRule: await aggregate(updates, pipeline(median())),
  inline: await inline.aggregate(updates, 'trimmed-mean', { f: 1 }),
};
const digests = Object.entries(results).map(([name, { report }]) => [name, report.resultDigest]);
console.log(JSON.stringify({ ...Object.fromEntries(digests), lies: lies.map((lie) => [...lie]) }));
`;

const consumer = `
import { aggregate, createEngine, krum, nnm, pipeline, QuorateError } from 'quorate';
import { aLittleIsEnough } from 'quorate/attacks';
import { trimmedMean } from 'quorate/inline';

const engine = createEngine({ threads: 1 });
const batch = engine.batch(7, 100);
batch.row(0).set(aLittleIsEnough({ tau: 1 }).forge([batch.row(1), batch.row(2)], 1)[0]!);
const { value, report } = await aggregate(batch, pipeline(nnm({ f: 1 }), krum({ f: 1 })), { engine });
export const result: Float32Array = value;
export const digest: string = report.resultDigest;
export const rule = trimmedMean({ f: 1 });
export const isOurs = (error: unknown): boolean => error instanceof QuorateError && error.code === 'NON_FINITE';
// @ts-expect-error: the parameter is f
krum({ F: 2 });
`;

// npm, when it runs these tests, leaves its own settings in the environment; they are not for another project.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_(package|lifecycle|config_(local_)?prefix)/.test(name),
  ),
);

async function run(cwd: string, program: string, ...line: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, line, { cwd, env: environment });
  return stdout;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describe('the package', () => {
  let folder: string;
  let paths: readonly string[];

  before(async function () {
    this.timeout(120_000);
    folder = await realpath(await mkdtemp(join(tmpdir(), 'quorate-package-')));
    // The scripts are not run: they would build again what is being tested.
    const answer = await run('.', 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder);
    const [{ filename, files }] = JSON.parse(answer) as [Packed];
    paths = files.map(({ path }) => path);

    await mkdir(join(folder, 'project'));
    await writeFile(
      join(folder, 'project', 'package.json'),
      JSON.stringify({ private: true, type: 'module' }),
    );
    const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
    await run(join(folder, 'project'), 'npm', 'install', ...quietly, join('..', filename));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('holds the library, its bindings and the core, and nothing else', () => {
    const expected =
      /^(LICENSE|README\.md|package\.json|dist\/(src|bindings|wasm)\/.+\.(js|d\.ts|js\.map|wasm))$/;
    expect(paths.filter((path) => !expected.test(path))).to.deep.equal([]);
    expect(paths).to.include.members(['LICENSE', 'dist/wasm/core.wasm', 'dist/wasm/core.shared.wasm']);
  });

  it('has every file that its entries name', async () => {
    const { exports } = JSON.parse(await readFile('package.json', 'utf8')) as {
      exports: Record<string, unknown>;
    };
    const named = [...JSON.stringify(exports).matchAll(/"\.\/([^"]+\.[a-z]+)"/g)].map(([, path]) => path);
    expect(named).to.include('dist/src/index.js');
    expect(paths).to.include.members(named);
  });

  it('runs in an empty project, from both entries', async () => {
    await writeFile(join(folder, 'project', 'main.js'), script);
    const { byName, byRule, inline, lies } = JSON.parse(
      await run(join(folder, 'project'), process.execPath, 'main.js'),
    ) as Record<string, unknown>;

    const rows = updates.map((row) => Float32Array.from(row));
    const here = await aggregate(rows, 'trimmed-mean', { f: 1 });
    expect(byName).to.equal(here.report.resultDigest);
    expect(inline).to.equal(byName);
    const median = createHash('sha256').update(Float32Array.of(2.5, 15)).digest('hex');
    expect(byRule).to.equal(median);
    expect(lies).to.deep.equal([
      [-2, -20],
      [-2, -20],
    ]);
  });

  it('has types that a strict project accepts', async function () {
    this.timeout(120_000);
    await writeFile(join(folder, 'project', 'main.ts'), consumer);
    const compiler = resolve('node_modules', 'typescript', 'bin', 'tsc');
    const options =
      '--noEmit --strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --skipLibCheck false';
    const target = '--module nodenext --target es2023 --types';
    await run(
      join(folder, 'project'),
      process.execPath,
      compiler,
      ...`${options} ${target}`.split(' '),
      '',
      'main.ts',
    );
  });
});
