/**
 * Federated training in one process: n nodes, the last of which may be dishonest, and a server that steps against the
 * aggregate of their updates.
 *
 *   every round    honest nodes   send their momentum over a batch of their own digits
 *                  the others     send what the attack makes of the honest updates, or train honestly on wrong labels,
 *                                 or, without an attack, train honestly
 *                  server         model ← model − rate · aggregate(updates); the rate falls linearly to 0
 *
 * A run is a function of its options: the same seed gives the same model, bit for bit.
 */
import { setImmediate } from 'node:timers/promises';
import type { Attack } from '../../src/attacks/index.js';
import type { Digits } from './digits.js';
import type { Network } from './network.js';
import { createTrainer, flippedLabel } from './training.js';

/** What the dishonest nodes do. `attack` creates the attack of each round. */
export type Dishonesty =
  | { readonly kind: 'none' }
  | { readonly kind: 'label-flipping' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'forging'; readonly attack: (round: number) => Attack };

export interface FederationOptions {
  readonly network: Network;
  readonly digits: Digits;
  /** The digits that each node holds; the honest nodes come first. */
  readonly held: readonly Uint32Array[];
  readonly attackers: number;
  readonly dishonesty: Dishonesty;
  /** Receives a round's updates in the order of the nodes. May return the same array every time. */
  readonly aggregate: (updates: readonly Float32Array[]) => Promise<Float32Array>;
  readonly rounds: number;
  /** The rate of the first round. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly batchSize: number;
  readonly seed: number;
  /** The digits on which accuracy is measured. */
  readonly test: Uint32Array;
  /** Measure every this many rounds. */
  readonly evaluateEvery: number;
  readonly onRound?: (round: number) => void;
  readonly signal?: AbortSignal;
}

export interface Measurement {
  readonly round: number;
  readonly accuracy: number;
}

/**
 * @returns the accuracy on the test digits before the first round, every `evaluateEvery` rounds, and after the last. If
 *   the model diverges until its gradient isn't finite, training stops and the remaining measurements repeat that
 *   model's accuracy, so that all runs have the same rounds.
 */
export async function runFederation(options: FederationOptions): Promise<Measurement[]> {
  const { network, digits, held, attackers, dishonesty, rounds, learningRate, test, signal } = options;
  const honest = held.length - attackers;
  const model = network.initialize(options.seed);
  const measure = (round: number): Measurement => ({
    round,
    accuracy: network.accuracy(model, digits, test),
  });

  const working = dishonesty.kind === 'forging' || dishonesty.kind === 'absent' ? honest : held.length;
  const trainers = held.slice(0, working).map((own, node) =>
    createTrainer({
      network,
      digits,
      held: own,
      batchSize: options.batchSize,
      momentum: options.momentum,
      seed: options.seed,
      node,
      ...(dishonesty.kind === 'label-flipping' && node >= honest ? { labelOf: flippedLabel } : {}),
    }),
  );
  const updates = trainers.map(() => new Float32Array(network.d));

  const measurements = [measure(0)];
  let hasDiverged = false;
  for (let round = 1; round <= rounds; round++) {
    signal?.throwIfAborted();
    for (let node = 0; node < working && !hasDiverged; node++) {
      hasDiverged = !trainers[node]!.update(model, round, updates[node]!);
    }
    if (!hasDiverged) {
      const forged = dishonesty.kind === 'forging' ? dishonesty.attack(round).forge(updates, attackers) : [];
      const aggregate = await options.aggregate([...updates, ...forged]);
      descend(model, (learningRate * (rounds - round + 1)) / rounds, aggregate);
    }
    if (round % options.evaluateEvery === 0 || round === rounds) measurements.push(measure(round));
    options.onRound?.(round);
    await setImmediate(); // lets signals, timers and sockets run
  }
  return measurements;
}

/** One step of plain gradient descent, in place. Not inlined, because engines optimize async functions less. */
function descend(model: Float32Array, learningRate: number, gradient: Float32Array): void {
  for (let k = 0; k < model.length; k++) model[k]! -= learningRate * gradient[k]!;
}
