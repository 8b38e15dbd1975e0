/** Nodes whose processes, or machines, die while they send an update. */
import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import type { FaultProxy } from '../support/faultProxy.js';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { type NodeProcess, nodeName, SESSION, startSystem, type System } from './system.js';

const HEARTBEAT_MS = 500;
/** Eight seconds on the slow way, of which the server has an eighth when it ends. */
const D = 2_000_000;
const UP_BYTES_PER_SECOND = 1_000_000;
const MIDWAY_BYTES = 1_000_000;

interface Victim {
  readonly process: NodeProcess;
  readonly proxy: FaultProxy;
}

describe('a node that is killed while it sends', () => {
  let system: System;

  beforeEach(async () => {
    system = await startSystem({ heartbeatMs: HEARTBEAT_MS, tokens: true });
  });
  afterEach(() => system.stop());

  /** A node on a slow way. */
  const startVictim = async (node: number): Promise<Victim> => {
    const proxy = await system.openProxy();
    proxy.impose({ upBytesPerSecond: UP_BYTES_PER_SECOND });
    return { process: system.startNode(node, { server: proxy.url }), proxy };
  };

  const kill = async ({ process, proxy }: Victim, end: 'cut' | 'forget'): Promise<number> => {
    const sentBytes = Math.max(...proxy.connections.map(({ upBytes }) => upBytes));
    expect(sentBytes, 'midway').within(MIDWAY_BYTES, 4 * D - 1);
    proxy.refuse(true);
    for (const connection of proxy.connections) connection[end]();
    return process.kill();
  };

  it('is noticed, holds up no round, leaves nothing behind, and comes back as itself', async () => {
    // Four of those that the round asks must answer, and only three have a way to: it waits for one that comes back.
    await system.createSession({ pipeline: 'median', quorum: 4, rounds: 3, deadlineMs: 600_000 }, D);
    const well = [0, 1, 2].map((node) => system.startNode(node));
    const [gone, dark, quick] = await Promise.all([startVictim(3), startVictim(4), startVictim(5)]);
    const victims = [gone, dark, quick];
    await system.present([...well, ...victims.map(({ process }) => process)]);
    const away = [gone.process.id, dark.process.id] as const;
    const before = await Promise.all(away.map((id) => system.client.node(id)));
    const tokens = await Promise.all(away.map((id) => readFile(system.tokenFileOf(id), 'utf8')));
    await system.client.start(SESSION);
    await Promise.all(victims.map(({ proxy }) => proxy.reached(MIDWAY_BYTES)));

    // No second round before all are back, so that it is known who takes part in it.
    await system.client.pause(SESSION);
    // A process alone, and two machines that are gone without a word.
    const [goneMs, darkMs] = await Promise.all([
      kill(gone, 'cut'),
      kill(dark, 'forget'),
      kill(quick, 'forget'),
    ]);
    system.startNode(5);

    for (const [id, killedMs, how] of [
      [away[0], goneMs, 'killed'],
      [away[1], darkMs, 'killed, its connections silent'],
    ] as const) {
      const suspect = await system.becomes(id, 'suspect');
      const lost = await system.becomes(id, 'lost', suspect.number);
      const [suspectMs, lostMs] = [suspect.atMs - killedMs, lost.atMs - killedMs];
      measured(
        `${how}: suspect after ${suspectMs} ms, lost after ${lostMs} ms (heartbeat ${HEARTBEAT_MS} ms)`,
        { suspectMs, lostMs, heartbeatMs: HEARTBEAT_MS },
      );
    }
    const { number, atMs } = await system.committed(1);
    measured(
      `round 1 committed ${atMs - Math.max(goneMs, darkMs)} ms after the kill, its deadline 600 s away`,
    );
    expect(system.log.all(({ type }) => type === 'round-failed')).deep.equal([]);

    for (const node of [3, 4]) system.startNode(node);
    await Promise.all(away.map((id) => system.becomes(id, 'healthy', number)));
    const after = await Promise.all(away.map((id) => system.client.node(id)));
    expect(after.map(({ registeredAtMs }) => registeredAtMs)).deep.equal(
      before.map(({ registeredAtMs }) => registeredAtMs),
    );
    await system.client.resume(SESSION);
    expect(await system.ended()).equal('completed');
    expect(await Promise.all(away.map((id) => readFile(system.tokenFileOf(id), 'utf8')))).deep.equal(tokens);

    const everyone = [0, 1, 2, 3, 4, 5].map(nodeName);
    expect(await expectRecomputed(system.client)).deep.equal([
      [0, 1, 2, 5].map(nodeName),
      everyone,
      everyone,
    ]);
  });
});
