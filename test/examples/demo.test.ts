import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Study } from '../../examples/demo/study.js';

const command = fileURLToPath(new URL('../../examples/demo.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param interruptAt what must have appeared on standard error before it is interrupted */
async function demo(line: readonly string[], interruptAt?: string): Promise<Outcome> {
  const child = spawn(process.execPath, [command, ...line], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  let interrupted = false;
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
    if (interrupted || interruptAt === undefined || !err.includes(interruptAt)) return;
    interrupted = true;
    child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

describe('the demo', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-demo-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('prints a table and a sentence, writes a picture and a page, and says where', async () => {
    const { code, out, err } = await demo(['--quick', '--rounds', '3', '--out', join(folder, 'deep')]);
    expect(code, err).equal(0);
    expect(out)
      .match(/^mean +\d+\.\d% +\d+\.\d% +\d+\.\d%/m)
      .and.match(/^With 3 of 10 nodes attacking, /m);
    expect(out + err).not.include(String.fromCharCode(27));
    expect((await readdir(join(folder, 'deep'))).sort()).deep.equal(['demo.html', 'demo.svg']);
    for (const name of ['demo.html', 'demo.svg']) expect(err).include(join(folder, 'deep', name));
    expect(await readFile(join(folder, 'deep', 'demo.svg'), 'utf8')).match(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it('prints JSON and nothing else when asked to, the same accuracies from the same seed', async () => {
    const run = async (seed: string) => {
      const line = ['--quick', '--rounds', '2', '--json', '--seed', seed, '--out', folder];
      return JSON.parse((await demo(line)).out) as Study;
    };
    const [first, again, other] = [await run('5'), await run('5'), await run('6')];
    expect(first.runs).length(18);
    expect(again.runs).deep.equal(first.runs);
    expect(other.runs).not.deep.equal(first.runs);
  });

  it('ends with 130 when interrupted, and writes nothing', async () => {
    const { code, out, err } = await demo(['--rounds', '2000', '--out', join(folder, 'none')], ' digits');
    expect(code).equal(130);
    expect(err).match(/stopped\n$/);
    expect(out).equal('');
    expect(await readdir(folder)).deep.equal([]);
  });

  it('refuses options that it does not have, and numbers that are none', async () => {
    for (const line of [
      ['--fast'],
      ['--seed', 'x'],
      ['--seed', '1e3'],
      ['--rounds', '0'],
      ['--seed', '-1'],
    ]) {
      const { code, err } = await demo(line);
      expect(code, line.join(' ')).equal(2);
      expect(err).match(/^quorate: INVALID_PARAMETER: /);
    }
  });

  it('explains itself', async () => {
    const { code, out } = await demo(['--help']);
    expect(code).equal(0);
    for (const option of ['--seed', '--rounds', '--out', '--quick', '--json']) expect(out).include(option);
  });
});
