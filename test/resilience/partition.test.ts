/** A part of the network that goes silent: no connection is closed, nothing comes through. */
import { expect } from 'chai';
import type { FaultProxy } from '../support/faultProxy.js';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { type NodeProcess, SESSION, startSystem, type System } from './system.js';

const HEARTBEAT_MS = 500;
const NODES = 10;

interface Side {
  readonly proxy: FaultProxy;
  readonly nodes: readonly NodeProcess[];
}

describe('four of ten nodes behind a network that goes silent', () => {
  let system: System;

  beforeEach(async () => {
    system = await startSystem({ heartbeatMs: HEARTBEAT_MS });
  });
  afterEach(() => system.stop());

  const startSide = async (...numbers: number[]): Promise<Side> => {
    const proxy = await system.openProxy();
    return {
      proxy,
      nodes: numbers.map((node) => system.startNode(node, { server: proxy.url, delayMs: 50 })),
    };
  };

  /** Resolves with the first round after `since` that closed with so many updates. */
  const closedWith = async (updates: number, since: number): Promise<number> => {
    const { round } = await system.log.until(
      `a round closes with ${updates} updates`,
      (event) => event.type === 'round-closed' && event.updates === updates,
      since,
    );
    return Number(round);
  };

  it('are left out once they are missed, and come back when it is healed', async () => {
    await system.createSession(
      { pipeline: 'trimmed-mean(f=2)', quorum: 6, rounds: 10_000, deadlineMs: 600_000 },
      1000,
    );
    const near = [0, 1, 2, 3, 4, 5].map((node) => system.startNode(node, { delayMs: 50 }));
    // Of the two sides one finds its connections again as they were, the other needs new ones.
    const kept = await startSide(6, 7);
    const dropped = await startSide(8, 9);
    const sides = [kept, dropped];
    const far = sides.flatMap(({ nodes }) => nodes);
    await system.present([...near, ...far]);
    await system.client.start(SESSION);
    const complete = await closedWith(NODES, 0);

    const cutMs = Date.now();
    const since = system.log.last;
    for (const { proxy } of sides) proxy.impose({ silent: true });
    const lost = await Promise.all(
      far.map(async ({ id }) => {
        const suspect = await system.becomes(id, 'suspect', since);
        return system.becomes(id, 'lost', suspect.number);
      }),
    );
    const allLost = Math.max(...lost.map(({ number }) => number));
    const lostMs = Math.max(...lost.map(({ atMs }) => atMs)) - cutMs;
    const without = await closedWith(NODES - far.length, allLost);
    const { atMs } = await system.committed(without);
    measured(
      `the last of 4 lost after ${lostMs} ms (heartbeat ${HEARTBEAT_MS} ms); round ${without}, without them, ` +
        `committed ${atMs - cutMs - lostMs} ms later, its deadline 600 s away`,
      { lostMs, heartbeatMs: HEARTBEAT_MS },
    );
    // They detect it themselves, without a message.
    const noticed = await Promise.all(far.map((node) => node.says('disconnected', cutMs)));
    const noticedMs = Math.max(...noticed.map((line) => line.atMs)) - cutMs;
    measured(`the nodes noticed after ${noticedMs} ms`, { noticedMs });

    const healedMs = Date.now();
    const healed = system.log.last;
    for (const connection of dropped.proxy.connections) connection.forget();
    for (const { proxy } of sides) proxy.impose({ silent: false });
    for (const [{ nodes }, how] of [
      [kept, 'its connections as they were'],
      [dropped, 'its connections lost'],
    ] as const) {
      const back = await Promise.all(nodes.map(({ id }) => system.becomes(id, 'healthy', healed)));
      const sent = await Promise.all(
        nodes.map(({ id }) =>
          system.log.until(
            `${id} takes part again`,
            (event) => event.type === 'update-accepted' && event.node === id,
            healed,
          ),
        ),
      );
      const healthyMs = Math.max(...back.map((event) => event.atMs)) - healedMs;
      const againMs = Math.max(...sent.map((event) => event.atMs)) - healedMs;
      measured(`healed, ${how}: healthy after ${healthyMs} ms, an update accepted after ${againMs} ms`, {
        healthyMs,
        againMs,
      });
    }
    await system.committed(await closedWith(NODES, healed));
    await system.client.stop(SESSION);
    expect(await system.ended()).equal('stopped');
    expect(system.log.all(({ type }) => type === 'round-failed')).deep.equal([]);

    const rounds = await expectRecomputed(system.client);
    expect(rounds[complete - 1]!.length).equal(NODES);
    expect(rounds[without - 1]).deep.equal(near.map(({ id }) => id));
  });
});
