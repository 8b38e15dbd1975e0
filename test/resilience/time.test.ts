/** A server whose clock is set while it runs, and one that is stopped for a while, as a paused virtual machine is. */
import { expect } from 'chai';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type NodeProcess, SESSION, startSystem, type System } from './system.js';

/** Debian's package faketime. @throws Error if it isn't installed */
function fakeTimeLibrary(): string {
  for (const architecture of readdirSync('/usr/lib')) {
    const path = join('/usr/lib', architecture, 'faketime', 'libfaketimeMT.so.1');
    if (existsSync(path)) return path;
  }
  throw new Error('this test needs libfaketime: apt-get install faketime');
}

const DEADLINE_MS = 2000;

/** Two nodes send at once; a third is there, and is never done. A round waits for it until its deadline. */
async function startNodes(system: System, slowMs: number): Promise<NodeProcess[]> {
  const nodes = [0, 1].map((node) => system.startNode(node));
  nodes.push(system.startNode(2, { delayMs: slowMs }));
  await system.present(nodes);
  return nodes;
}

describe('a server whose clock is set', () => {
  let system: System;
  let folder: string;
  const setClock = (offset: string): Promise<void> => writeFile(join(folder, 'clock'), offset);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-clock-'));
    await setClock('+0');
    system = await startSystem({
      heartbeatMs: 500,
      environment: {
        LD_PRELOAD: fakeTimeLibrary(),
        FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
  });
  afterEach(async () => {
    await system.stop();
    await rm(folder, { recursive: true });
  });

  for (const [what, offset] of [
    ['back', '-1h'],
    ['forward', '+1h'],
  ] as const) {
    it(`an hour ${what} closes its rounds, over kill -9 too, and notices silent nodes`, async () => {
      await system.createSession(
        { pipeline: 'mean', quorum: 2, rounds: 10_000, deadlineMs: DEADLINE_MS },
        100,
      );
      const nodes = await startNodes(system, 3_600_000);
      await system.client.start(SESSION);
      await system.committed(1);
      await setClock(offset);
      await system.committed(3);

      const { committed } = await system.client.session(SESSION);
      for (const delayMs of [300, 700]) {
        // Kills in a row, none of which leaves a round the whole of its time.
        await pause(delayMs);
        await system.killServer();
        await system.startServer();
      }
      const next = await system.committed(committed + 2);
      await setClock('+0');
      await system.killServer();
      await system.startServer();
      await system.committed(Number(next.round) + 2);

      const since = system.log.last;
      await setClock(offset);
      await nodes[2]!.kill();
      const { status } = await system.becomes(nodes[2]!.id, 'lost', since);
      expect(status).equal('lost');
    });
  }
});

describe('a server that is stopped for eight seconds', () => {
  let system: System;

  beforeEach(async () => {
    system = await startSystem({ heartbeatMs: 500 });
  });
  afterEach(() => system.stop());

  it('loses no live node and no acknowledged update', async () => {
    await system.createSession({ pipeline: 'mean', quorum: 3, rounds: 1, deadlineMs: 4000 }, 100);
    await startNodes(system, 1500);
    await system.client.start(SESSION);
    await system.log.until('two updates are acknowledged', (event) => {
      return event.type === 'update-accepted' && event.accepted === 2;
    });
    const since = system.log.last;
    system.server.child.kill('SIGSTOP');
    await pause(8000);
    system.server.child.kill('SIGCONT');
    await system.committed(1);
    const { attempt, accepted } = await system.client.round(SESSION, 1);
    expect({ attempt, accepted }).deep.equal({ attempt: 1, accepted: 3 });
    const lost = system.log.all(({ number, status }) => number > since && status === 'lost');
    expect(lost).deep.equal([]);
  });
});
