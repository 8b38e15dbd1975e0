/** One node of ten that takes twenty times as long as the others. */
import { expect } from 'chai';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';
import type { RoundView } from '../../src/protocol/views.js';
import { quantile } from '../../src/rounds/deadline.js';
import { expectRefusal } from '../support/refusal.js';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { type NodeProcess, nodeName, SESSION, startSystem, type System } from './system.js';

const QUICK_MS = 300;
const SLOW_MS = 20 * QUICK_MS;
/** In a buffer, enough of them for the slow one to have an update. */
const ROUNDS = 30;
/** In the first ones the deadline is still learned, and the nodes' code still compiled. */
const LEARNING_ROUNDS = 3;
const D = 1000;

const config = {
  pipeline: 'mean',
  quorum: 8,
  rounds: ROUNDS,
  deadlineMs: 60_000,
  adaptiveDeadline: {},
} as const;

interface Trained {
  readonly nodes: readonly NodeProcess[];
  readonly rounds: readonly RoundView[];
  /** From a round's opening to its commit: the median. */
  readonly roundMs: number;
}

describe('one node of ten that is twenty times slower', () => {
  let system: System;

  afterEach(() => system.stop());

  /** Trains to the end. */
  const train = async (
    delaysMs: readonly number[],
    more: Partial<SessionConfigInput> = {},
    meanwhile = (): Promise<void> => Promise.resolve(),
  ): Promise<Trained> => {
    system = await startSystem();
    await system.createSession({ ...config, ...more }, D);
    const nodes = delaysMs.map((delayMs, node) => system.startNode(node, { delayMs }));
    await system.present(nodes);
    await system.client.start(SESSION);
    await meanwhile();
    expect(await system.ended()).equal('completed');
    await expectRecomputed(system.client);
    const rounds = await Promise.all(
      Array.from({ length: ROUNDS }, (_, k) => system.client.round(SESSION, k + 1)),
    );
    const times = rounds.map(({ committedAtMs, openedAtMs }) => committedAtMs! - openedAtMs!);
    return { nodes, rounds, roundMs: quantile(times.slice(LEARNING_ROUNDS), 0.5) };
  };

  const quick = Array.from({ length: 9 }, () => QUICK_MS);
  const slow = nodeName(9);

  const compare = (how: string, withoutMs: number, withMs: number): void => {
    const ratio = withMs / withoutMs;
    measured(
      `${how}: a round takes ${withMs} ms with it, ${withoutMs} ms without: ${ratio.toFixed(2)} times (medians)`,
      { withMs, withoutMs, ratio },
    );
    expect(ratio).lessThan(1.5);
  };

  it('is not waited for by an adaptive deadline, and is too late', async () => {
    const without = await train(quick);
    await system.stop();
    const { nodes, rounds, roundMs } = await train([...quick, SLOW_MS], {}, async () => {
      await system.committed(LEARNING_ROUNDS);
      // A node gives up what would be too late; this is what it would hear.
      const late = { contentType: 'application/octet-stream', body: new Uint8Array(4 * D) };
      const sending = () => system.client.sendUpdate(SESSION, LEARNING_ROUNDS, slow, late);
      await expectRefusal(sending, 'ROUND_CLOSED');
    });
    compare('adaptive deadline', without.roundMs, roundMs);
    const tookIt = rounds.filter(({ updates }) => updates.some(({ node }) => node === slow)).length;
    const gaveUp = nodes[9]!.lines.filter(({ type }) => type === 'superseded').length;
    measured(`its updates are in ${tookIt} of ${ROUNDS} rounds; it was too late ${gaveUp} times`, {
      tookIt,
      gaveUp,
    });
    expect(tookIt).most(LEARNING_ROUNDS);
    expect(gaveUp).least(1);
    expect(system.log.all(({ type }) => type === 'round-failed')).deep.equal([]);
  });

  it('is weighted by its staleness where rounds are buffered', async () => {
    const mode = { buffered: { bufferSize: 9, maxStaleness: 100 } };
    const without = await train(quick, { mode, adaptiveDeadline: null });
    await system.stop();
    const { rounds, roundMs } = await train([...quick, SLOW_MS], { mode, adaptiveDeadline: null });
    compare('buffered', without.roundMs, roundMs);
    const staleness = rounds.flatMap(({ updates }) =>
      updates.filter(({ node }) => node === slow).map((update) => update.staleness),
    );
    measured(`its updates came ${staleness.join(', ')} rounds late, scaled by 1/√(1 + staleness)`);
    expect(staleness.length).least(1);
    expect(Math.max(...staleness)).greaterThan(0);
  });
});
