/** The journal after a power failure, cut, gone, or longer than 2 GiB: the server starts and says so, or refuses. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeBatch } from '../../src/store/disk/batchFraming.js';
import { measured } from './measured.js';
import { Senders, senderSettings } from './senders.js';
import { Refused, type Served, serve } from './serve.js';
import { SESSION } from './system.js';

const program = fileURLToPath(new URL('../../src/cli/quorate.js', import.meta.url));
const senders = new Senders(4, 500, { pipeline: 'median', rounds: 4 });

describe('a server and its journal', function () {
  this.timeout(120_000);
  let folder: string;
  const running = new Set<Served>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-resilience-'));
    const server = await start('whole');
    await senders.begin(server.client);
    for (let round = 1; round <= 2; round++) await senders.complete(server.client, round);
    await end(server);
  });
  afterEach(() => Promise.all(Array.from(running, end)));
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function start(name: string): Promise<Served> {
    const server = await serve({ data: join(folder, name), settings: senderSettings });
    running.add(server);
    return server;
  }

  async function end(server: Served): Promise<void> {
    running.delete(server);
    await server.kill();
  }

  /** @returns the path of the copy's journal, and its length */
  function copy(name: string): { path: string; length: number } {
    cpSync(join(folder, 'whole'), join(folder, name), { recursive: true });
    const path = join(folder, name, 'journal');
    return { path, length: statSync(path).size };
  }

  async function expectRefused(name: string, ...parts: string[]): Promise<void> {
    try {
      await start(name);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      expect(error.code).equal(1);
      for (const part of ['CORRUPT_FILE', ...parts]) expect(error.message).include(part);
      return;
    }
    expect.fail('it started');
  }

  const store = (...line: string[]) =>
    spawnSync(process.execPath, [program, 'store', ...line], { encoding: 'utf8' });

  it('is longer than 2 GiB, for the file system had made room that was not written: it starts, and says so', async () => {
    const { path, length } = copy('sparse');
    truncateSync(path, 2 ** 31 + 2 ** 22);
    const from = performance.now();
    const server = await start('sparse');
    measured('a start with a journal of 2 GiB', { ms: Math.round(performance.now() - from) });
    expect(server.log.join('\n')).include(`the last batch, at byte ${length}, has a hole`);
    expect((await server.client.session(SESSION)).committed).equal(2);
    expect(statSync(path).size).below(2 ** 20);
    await senders.begin(server.client);
    await senders.complete(server.client, 3);
  });

  it('has a later batch beyond 2 GiB, so that what is missing was acknowledged: it refuses, and names the place', async () => {
    const { path, length } = copy('later');
    const at = 2 ** 31 + 4096;
    const file = openSync(path, 'r+');
    writeSync(file, encodeBatch([{ type: 'node-removed', id: 'x' }], 1000, at), 0, undefined, at);
    closeSync(file);
    await expectRefused('later', `${path} at byte ${length}`, `a later batch is at byte ${at}`);
    expect(statSync(path).size).above(2 ** 31);
  });

  it('has a hole where a folder and events show what was acknowledged: check, plan, repair, start', async () => {
    const { path } = copy('hole');
    const bytes = readFileSync(path);
    const last = bytes.lastIndexOf('QJB2');
    const created = bytes.lastIndexOf('QJB2', bytes.indexOf(`"session":{"id":"${SESSION}"`));
    // All from the session's creation on is lost, as if it had been one batch.
    writeFileSync(path, Buffer.concat([bytes.subarray(0, created), Buffer.alloc(bytes.length - created)]));
    expect(last).least(created);
    await expectRefused('hole', `sessions/${SESSION} holds a session`, 'quorate store check');
    const before = readFileSync(path);
    const data = join(folder, 'hole');
    const checked = store('check', data, '--json');
    expect(checked.status).equal(1);
    expect(JSON.parse(checked.stdout)).deep.include({ starts: false });
    const planned = store('repair', data);
    expect(planned.status).equal(1);
    expect(planned.stdout)
      .match(new RegExp(`rebuild: session ${SESSION}, paused`))
      .match(/--yes/);
    expect(readFileSync(path).equals(before)).equal(true);
    const repaired = store('repair', data, '--yes');
    expect([repaired.status, repaired.stderr]).deep.equal([0, '']);
    const server = await start('hole');
    expect(await server.client.session(SESSION)).deep.include({ committed: 2, status: 'paused' });
  });

  it('is gone: it refuses, and is rebuilt by a repair; training goes on with the model that was committed', async () => {
    const { path } = copy('gone');
    rmSync(path);
    await expectRefused('gone', `${path}: it is missing`);
    expect(store('repair', join(folder, 'gone'), '--yes').status).equal(0);
    const server = await start('gone');
    const { committed, status, model } = await server.client.session(SESSION);
    expect([committed, status, model!.round]).deep.equal([2, 'paused', 2]);
  });
});
