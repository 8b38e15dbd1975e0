/**
 * A server is killed by SIGKILL, again and again, whatever it is doing. Two of them at a time: most of a life is its start,
 * which takes one core.
 */
import { expect } from 'chai';
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, createClient, joinSession, QuorateError } from '../../src/client/index.js';
import type { UpdateReceipt } from '../../src/protocol/views.js';
import { freePort } from '../support/freePort.js';
import { sha256 } from '../support/storeData.js';
import { CrashingServer } from './crashingServer.js';
import { planEndings } from './crashPlan.js';
import { type Phase, phases } from './crashTrace.js';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { seedOf } from './seed.js';
import { nodeName, SESSION } from './system.js';
import { createTrainer } from './trainer.js';

const NODES = 6;
/** So many that an update is written in more than one piece. */
const D = 34_000;
const SERVERS = 2;
/** Of each server. */
const KILLS = 52;
/** The first server's; the next one has the next. */
const SEED = 5;
/** More than there are lives, each of which commits one at most. */
const ROUNDS = KILLS + 6;
/** The newest ones, whose updates' bytes are looked at too. */
const KEPT_ROUNDS = 10;
/** Some rounds long on any machine; a life commits one at most. */
const MAX_LIFE_MS = 400;

/** What the plan makes sure of: it aims at each phase ten times, but a busy machine shifts some. */
const minKills: Readonly<Record<Phase, number>> = {
  'start-up': 10,
  upload: 4,
  fsync: 3,
  aggregation: 4,
  commit: 4,
  'between rounds': 0,
};

const everyNode = Array.from({ length: NODES }, (_, node) => nodeName(node));

const settings = [
  ...['--set', 'store.keepCheckpoints=1000', '--set', `store.keepRounds=${KEPT_ROUNDS}`],
  // A server that came back opens a round when it has heard its nodes.
  ...['--set', 'liveness.heartbeatMs=100', '--set', 'liveness.lostAfter=10000'],
  ...['--set', 'engine.threads=1'],
];

describe('a server that is killed', function () {
  this.timeout(600_000);
  let folder: string;
  let servers: CrashingServer[];
  let controller: AbortController;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-resilience-'));
    servers = [];
    controller = new AbortController();
    setMaxListeners(2 * NODES * SERVERS, controller.signal);
  });
  afterEach(async () => {
    controller.abort();
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  async function makeServer(name: string): Promise<CrashingServer> {
    const traces = await mkdtemp(join(folder, `${name}-traces-`));
    const server = new CrashingServer(await freePort(), join(folder, name), traces, settings);
    servers.push(server);
    return server;
  }

  /** The nodes, from now on to the session's end. @param onReceipt told of each acknowledgement that came */
  function joinAll(
    server: string,
    onReceipt: (receipt: UpdateReceipt) => void = () => undefined,
  ): Promise<unknown> {
    const joining = Array.from({ length: NODES }, (_, node) =>
      joinSession({
        server,
        session: SESSION,
        node: nodeName(node),
        train: createTrainer({ node }).train,
        retry: { firstMs: 20, maxMs: 100, seed: node },
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type === 'accepted') onReceipt(event.receipt);
        },
      }),
    );
    const all = Promise.all(joining);
    all.catch(() => undefined); // whoever waits for it is told
    return all;
  }

  /** A server with a session that runs. */
  async function begin(name: string) {
    const server = await makeServer(name);
    const kill = await server.liveOn();
    const client = createClient({ server: server.url });
    await reached(() => client.sessions());
    await client.createSession({
      id: SESSION,
      pipeline: 'nnm(f=1) > trimmed-mean(f=1)',
      optimizer: 'fed-adam',
      quorum: NODES,
      rounds: ROUNDS,
      deadlineMs: 3_600_000,
    });
    await client.setModel(SESSION, new Float32Array(D));
    await client.start(SESSION);
    return { server, kill, client };
  }

  interface Killed {
    readonly client: Client;
    readonly url: string;
    readonly receipts: readonly UpdateReceipt[];
    /** What it was doing each time. */
    readonly met: readonly { readonly phase: Phase; readonly isAimed: boolean }[];
  }

  /** A server from its session's begin to its end, through all of the kills that the seed plans. */
  async function killAgainAndAgain(name: string, seed: number): Promise<Killed> {
    const { server, kill, client } = await begin(name);
    const receipts: UpdateReceipt[] = [];
    const nodes = joinAll(server.url, (receipt) => receipts.push(receipt));
    await kill();
    const met: { phase: Phase; isAimed: boolean }[] = [];
    for (const ending of planEndings(seed, KILLS, NODES, MAX_LIFE_MS)) {
      met.push({ phase: await server.live(ending), isAimed: ending.death !== null });
    }
    await server.liveOn();
    await nodes;
    return { client, url: server.url, receipts, met };
  }

  it('keeps each acknowledged update exactly once, and ends with the model of an undisturbed run', async () => {
    const undisturbed = await begin('undisturbed');
    await joinAll(undisturbed.server.url);
    const { digest: expected } = await undisturbed.client.model(SESSION);
    await undisturbed.server.stop();

    const seed = seedOf(SEED);
    const startedMs = performance.now();
    const killed = await Promise.all(
      Array.from({ length: SERVERS }, (_, server) => killAgainAndAgain(`killed-${server}`, seed + server)),
    );
    const killingMs = performance.now() - startedMs;

    for (const one of killed) {
      const { client } = one;
      expect((await client.model(SESSION)).digest).equal(expected);
      expect(await expectRecomputed(client)).deep.equal(Array(ROUNDS).fill(everyNode));
      await expectInRounds(one);
    }
    const met = killed.flatMap(({ met }) => met);
    const receipts = killed.flatMap(({ receipts }) => receipts);
    const again = receipts.filter(({ repeated }) => repeated).length;
    measured(
      `${met.length} kills of ${SERVERS} servers in ${Math.round(killingMs / 1000)} s, over ${ROUNDS} rounds of ` +
        `${NODES} nodes each; ${receipts.length} updates acknowledged, ${again} of them when they were sent again`,
      { kills: met.length, killingMs, acknowledged: receipts.length, acknowledgedWhenSentAgain: again },
    );
    for (const phase of phases) {
      const there = met.filter((death) => death.phase === phase);
      const aimed = there.filter(({ isAimed }) => isAimed).length;
      measured(`${phase.padEnd(14)} ${aimed} kills aimed, ${there.length - aimed} at a random moment`, {
        aimed,
        random: there.length - aimed,
      });
      expect(there.length, phase).least(minKills[phase]);
    }
  });

  /** Each acknowledged update is in its round's record once; and its very bytes, where they are still kept. */
  async function expectInRounds({ client, url, receipts }: Killed): Promise<void> {
    const acknowledged = new Set<string>();
    for (const { round, node, repeated } of receipts) {
      const update = `${node} in round ${round}`;
      // What is taken anew after it was acknowledged had been lost in between.
      if (acknowledged.has(update)) expect(repeated, update).equal(true);
      acknowledged.add(update);
    }
    expect(acknowledged.size).equal(ROUNDS * NODES);
    for (let round = 1; round <= ROUNDS; round++) {
      const { updates } = await client.round(SESSION, round);
      for (const { node, digest } of receipts.filter((receipt) => receipt.round === round)) {
        const theirs = updates.filter((update) => update.node === node);
        expect(
          theirs.map((update) => update.digest),
          `${node} in round ${round}`,
        ).deep.equal([digest]);
        if (round > ROUNDS - KEPT_ROUNDS) expect(await storedDigest(round, node)).equal(digest);
      }
    }

    async function storedDigest(round: number, node: string): Promise<string> {
      const address = `${url}/v1/sessions/${SESSION}/rounds/${round}/updates/${node}`;
      return sha256(new Uint8Array(await (await fetch(address)).arrayBuffer()));
    }
  }
});

/** Asks until there is an answer. */
async function reached<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'CONNECTION_FAILED') throw error;
      await pause(20);
    }
  }
}
