/** Nodes that die one after the other, until no round has its quorum. */
import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { type NodeProcess, nodeName, SESSION, startSystem, type System } from './system.js';

const HEARTBEAT_MS = 500;
const QUORUM = 3;
const ROUNDS = 30;
/** How long nothing can happen but for what spins. */
const IDLE_MS = 5000;
/** Of /proc: clock ticks, 100 a second on every Linux. */
const TICK_MS = 10;

/** Of a process since its start, in user and system mode. */
async function cpuMs({ pid }: { readonly pid?: number | undefined }): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

describe('nodes that die one by one', () => {
  let system: System;

  beforeEach(async () => {
    system = await startSystem({ heartbeatMs: HEARTBEAT_MS });
  });
  afterEach(() => system.stop());

  const failures = (): number => system.log.all(({ type }) => type === 'round-failed').length;

  /** What the server and these nodes do while no round can have its quorum. */
  const idle = async (nodes: readonly NodeProcess[], digest: string): Promise<void> => {
    const processes = [system.server, ...nodes].map(({ child }) => child);
    const last = system.log.last;
    const before = await Promise.all(processes.map(cpuMs));
    await pause(IDLE_MS);
    const after = await Promise.all(processes.map(cpuMs));
    const shares = after.map((ms, k) => (ms - before[k]!) / IDLE_MS);
    const events = system.log.events.filter(({ number }) => number > last);
    measured(
      `${nodes.length} nodes left: in ${IDLE_MS} ms ${events.length} events, ` +
        `${Math.round(100 * shares[0]!)} % of a core for the server` +
        (nodes.length === 0
          ? ''
          : `, at most ${Math.round(100 * Math.max(...shares.slice(1)))} % for a node`),
      { events: events.length, serverCpuShare: shares[0]! },
    );
    expect(events.filter(({ type }) => type !== 'node-status')).deep.equal([]);
    for (const share of shares) expect(share).lessThan(0.5);
    expect((await system.client.model(SESSION)).digest).equal(digest);
  };

  it('cost no model and no processor, and training goes on when they return', async () => {
    await system.createSession(
      {
        pipeline: 'median',
        quorum: QUORUM,
        rounds: ROUNDS,
        deadlineMs: 3000,
        retry: { firstMs: 100, maxMs: 400 },
      },
      1000,
    );
    const delayMs = 100;
    let nodes = [0, 1, 2, 3, 4].map((node) => system.startNode(node, { delayMs }));
    await system.present(nodes);
    await system.client.start(SESSION);
    await system.committed(3);

    const killNext = async (): Promise<void> => {
      const [first, ...rest] = nodes;
      nodes = rest;
      const since = system.log.last;
      await first!.kill();
      await system.becomes(first!.id, 'lost', since);
    };
    while (nodes.length > QUORUM - 1) await killNext();
    // What was open when the third last node died has failed by now, or does at its deadline.
    await system.log.until('a round fails', ({ type }) => type === 'round-failed');
    const { committed } = await system.client.session(SESSION);
    const { digest } = await system.client.model(SESSION);
    await settled();
    await idle(nodes, digest);
    while (nodes.length > 0) await killNext();
    await idle(nodes, digest);
    const attempts = failures();
    measured(`${attempts} attempts of round ${committed + 1} failed`, { attempts });
    expect(attempts).within(1, 10);

    const since = system.log.last;
    nodes = [0, 1, 2, 3, 4].map((node) => system.startNode(node, { delayMs }));
    await system.present(nodes, since);
    expect(await system.ended()).equal('completed');
    const rounds = await expectRecomputed(system.client);
    expect(rounds.length).equal(ROUNDS);
    expect(rounds.slice(committed)).deep.include([0, 1, 2, 3, 4].map(nodeName));
  });

  /** Resolves when the session waits for nodes, as it should soon. */
  const settled = async (): Promise<void> => {
    for (let looks = 0; looks < 100; looks++) {
      if ((await system.client.session(SESSION)).round?.phase === 'waiting') return;
      await pause(100);
    }
    expect.fail('the session goes on trying');
  };
});
