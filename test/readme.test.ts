/** README.md's examples do what it says, as they stand there, in a folder that has nothing but the package. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { start } from './cli/command.js';

const run = promisify(execFile);
/** From dist/test/ up to the project. */
const project = fileURLToPath(new URL('../../', import.meta.url));

/** What stands between a heading of the second level and the next one. */
function section(text: string, heading: string): string {
  const begin = text.indexOf(`\n## ${heading}\n`);
  return text.slice(begin, text.indexOf('\n## ', begin + 1));
}

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, code]) => code!);

describe('README.md', () => {
  let folder: string;
  let readme: string;

  beforeEach(async () => {
    readme = await readFile(join(project, 'README.md'), 'utf8');
    folder = await mkdtemp(join(tmpdir(), 'quorate-readme-'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(project, join(folder, 'node_modules/quorate'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function node(code: string): Promise<string> {
    await writeFile(join(folder, 'example.mjs'), code);
    const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: folder });
    return stdout;
  }

  it('begins with an example that finds the liar', async () => {
    const [code] = blocks(readme, 'js');
    const [value, suspicions] = (await node(code!)).trim().split('\n');
    const numbers = (line: string): number[] => line.match(/\d+\.?\d*(?= |,)/g)!.map(Number);
    const [x, y] = numbers(value!);
    expect(x).within(0.9, 1.1);
    expect(y).within(1.9, 2.1);
    expect(numbers(suspicions!).at(-1)).greaterThan(0.9);
  });

  it('shows how the library is used', async () => {
    const [code] = blocks(section(readme, 'Usage'), 'js');
    await writeFile(join(folder, 'round-7.f32'), '');
    await truncate(join(folder, 'round-7.f32'), 64 * 1000 * 4);
    const given = `
      const updates = Array.from({ length: 8 }, (_, i) => Float32Array.of(i === 7 ? NaN : i, 1));
      const firstUpdate = new Float32Array(1_000_000).fill(1);
    `;
    const short = code!.replace('d: 10_000_000', 'd: 1_000');
    expect(short).not.equal(code);
    const printed = await node(`${given}${short}\nconsole.log(value.bias);\nawait engine.dispose();`);
    expect(printed).contain('0.2');
  });

  it('shows a training in two terminals, and a node as a part of a program', async function () {
    this.timeout(180_000); // six processes, on a machine that may be busy
    const network = section(readme, 'Over the network');
    const [trainer, participant] = blocks(network, 'js');
    const [serve, train] = blocks(network, 'sh');
    await writeFile(join(folder, 'trainer.mjs'), trainer!);
    // In place of npx, which takes longer to start than what it is to start.
    const program = join(project, 'dist/src/cli/quorate.js');
    const npx = `#!/bin/sh\n[ "$1" = quorate ] && shift && exec '${process.execPath}' '${program}' "$@"\n`;
    await writeFile(join(folder, 'npx'), npx, { mode: 0o755 });
    expect(serve).equal('npx quorate serve --data ./rounds\n');
    const server = start(['serve', '--data', './rounds'], { cwd: folder, env: { QUORATE_LISTEN_PORT: '0' } });
    try {
      await server.says('storing rounds in');
      const url = /listening on (\S+)/.exec(server.out())![1]!;
      const here = (text: string): string => text.replaceAll('http://127.0.0.1:8080', url);
      const { stdout, stderr } = await run('bash', ['--norc', '-c', here(train!)], {
        cwd: folder,
        env: { PATH: `${folder}:${process.env.PATH}`, LC_ALL: 'C', QUORATE_SERVER: url },
      });
      expect(stdout, stderr)
        .match(/^rounds +20 of 20 committed$/m)
        .and.match(/^liar +yes +20 +20 +0 +(0\.9|1\.0)/m);
      const [slope, offset] = stdout.trimEnd().split('\n').at(-1)!.trim().split(/\s+/).map(Number);
      expect(slope).within(1.9, 2.1);
      expect(offset).within(0.9, 1.1);
      expect(await node(`${here(participant!)}console.log('over');`)).equal('over\n');
    } finally {
      server.child.kill('SIGTERM');
      await server.result;
    }
  });
});
