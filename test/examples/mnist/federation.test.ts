import { expect } from 'chai';
import type { Attack } from '../../../src/attacks/index.js';
import { aggregate, mean, median } from '../../../src/index.js';
import { type Digits, loadDigits, type Split, split } from '../../../examples/mnist/digits.js';
import { type FederationOptions, runFederation } from '../../../examples/mnist/federation.js';
import { createNetwork } from '../../../examples/mnist/network.js';
import { partition } from '../../../examples/mnist/partition.js';

describe('runFederation', () => {
  let digits: Digits;
  let parts: Split;
  let options: FederationOptions;

  before(async () => {
    digits = await loadDigits();
    parts = split(digits, 300, 1);
    options = {
      network: createNetwork(16),
      digits,
      held: partition(digits, parts.train, 5, { kind: 'uniform' }, 1),
      attackers: 2,
      dishonesty: { kind: 'none' },
      aggregate: async (updates) => (await aggregate(updates, mean())).value,
      rounds: 12,
      learningRate: 1,
      momentum: 0.5,
      batchSize: 8,
      seed: 1,
      test: parts.test,
      evaluateEvery: 5,
    };
  });

  it('learns to read digits', async () => {
    const measurements = await runFederation({ ...options, rounds: 60, evaluateEvery: 60 });
    expect(measurements[0]!.accuracy).within(0, 0.35);
    expect(measurements[1]!.accuracy).greaterThan(0.7);
  });

  it('measures before the first round, every so often, and after the last', async () => {
    const rounds = (await runFederation(options)).map(({ round }) => round);
    expect(rounds).deep.equal([0, 5, 10, 12]);
  });

  it('gives the same from the same seed, and other results from another', async () => {
    const first = await runFederation(options);
    expect(await runFederation(options)).deep.equal(first);
    expect(await runFederation({ ...options, seed: 2 })).not.deep.equal(first);
  });

  it('hands the honest updates to the attack and its updates, last, to the aggregation', async () => {
    const seen: number[][] = [];
    const lie = new Float32Array(options.network.d);
    const attack = (round: number): Attack => ({
      name: 'test',
      parameters: {},
      forge: (honest, attackers) => {
        seen.push([round, honest.length, attackers]);
        return [lie, lie];
      },
    });
    await runFederation({
      ...options,
      rounds: 2,
      dishonesty: { kind: 'forging', attack },
      aggregate: async (updates) => {
        expect(updates).length(5);
        expect(updates.indexOf(lie)).equal(3);
        return (await aggregate(updates, median())).value;
      },
    });
    expect(seen).deep.equal([
      [1, 3, 2],
      [2, 3, 2],
    ]);
  });

  it('does without the attackers when they are absent', async () => {
    const counts: number[] = [];
    const count = async (updates: readonly Float32Array[]) => {
      counts.push(updates.length);
      return updates[0]!;
    };
    await runFederation({ ...options, rounds: 1, dishonesty: { kind: 'absent' }, aggregate: count });
    await runFederation({ ...options, rounds: 1, dishonesty: { kind: 'label-flipping' }, aggregate: count });
    expect(counts).deep.equal([3, 5]);
  });

  it('changes only the updates of the attackers when they flip labels', async () => {
    const firstRound = async (dishonesty: FederationOptions['dishonesty']) => {
      let sent: Float32Array[] = [];
      await runFederation({
        ...options,
        rounds: 1,
        dishonesty,
        aggregate: async (updates) => {
          sent = updates.map((update) => update.slice());
          return updates[0]!;
        },
      });
      return sent;
    };
    const honest = await firstRound({ kind: 'none' });
    const flipped = await firstRound({ kind: 'label-flipping' });
    expect(flipped.slice(0, 3)).deep.equal(honest.slice(0, 3));
    for (const node of [3, 4]) expect(flipped[node]).not.deep.equal(honest[node]);
  });

  it('stops training a model that has diverged, and keeps measuring it', async () => {
    let aggregations = 0;
    const measurements = await runFederation({
      ...options,
      aggregate: async (updates) => {
        aggregations++;
        return updates[0]!.map(() => 1e38);
      },
    });
    expect(aggregations).below(12);
    expect(measurements.map(({ round }) => round)).deep.equal([0, 5, 10, 12]);
    expect(measurements[1]!.accuracy).equal(measurements[3]!.accuracy);
  });

  it('stops when its signal aborts', async () => {
    const controller = new AbortController();
    let rounds = 0;
    const run = runFederation({
      ...options,
      rounds: 1000,
      signal: controller.signal,
      onRound: () => {
        rounds++;
        if (rounds === 3) setTimeout(() => controller.abort(), 0);
      },
    });
    let reason: unknown;
    await run.catch((error: unknown) => (reason = error));
    expect(reason).equal(controller.signal.reason);
    expect(rounds).below(1000);
  });
});
