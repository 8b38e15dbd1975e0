/**
 * Federated training in one process: n nodes, the last of which may be dishonest, and a server that steps against
 * the aggregate of what they send.
 *
 *   every round    node i < honest   its momentum over a batch of its own digits
 *                  the others        what the attack makes of the honest updates, or honest work on wrong labels,
 *                                    or, without an attack, honest work
 *                  server            model ← model − rate · aggregate(updates), the rate falling linearly to 0
 *
 * The whole run is a function of its options: the same seed gives the same model, bit for bit.
 */
import { setImmediate } from 'node:timers/promises';
import type { Attack } from '../../src/attacks/index.js';
import type { Digits } from './digits.js';
import type { Network } from './network.js';
import { createTrainer, flippedLabel } from './training.js';

/** What the dishonest nodes do; an attack that forges updates gets a new one for each round. */
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
  /** Gets the updates of a round in the order of the nodes; may return the same array every time. */
  readonly aggregate: (updates: readonly Float32Array[]) => Promise<Float32Array>;
  readonly rounds: number;
  /** Of the first round. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Digits to measure the accuracy on, and after every how many rounds. */
  readonly test: Uint32Array;
  readonly evaluateEvery: number;
  readonly onRound?: (round: number) => void;
  readonly signal?: AbortSignal;
}

export interface Measurement {
  readonly round: number;
  readonly accuracy: number;
}

/**
 * @returns the accuracy on the test digits before the first round, then every so often, and after the last. If the
 *   model runs away to where it has no finite gradient, training ends and the remaining measurements repeat that
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
  let ranAway = false;
  for (let round = 1; round <= rounds; round++) {
    signal?.throwIfAborted();
    for (let node = 0; node < working && !ranAway; node++) {
      ranAway = !trainers[node]!.update(model, round, updates[node]!);
    }
    if (!ranAway) {
      const forged = dishonesty.kind === 'forging' ? dishonesty.attack(round).forge(updates, attackers) : [];
      const aggregate = await options.aggregate([...updates, ...forged]);
      descend(model, (learningRate * (rounds - round + 1)) / rounds, aggregate);
    }
    if (round % options.evaluateEvery === 0 || round === rounds) measurements.push(measure(round));
    options.onRound?.(round);
    await setImmediate(); // so that signals, timers and sockets get their turn
  }
  return measurements;
}

/** One step of plain gradient descent, in place. A function of its own, for engines optimize an async one less. */
function descend(model: Float32Array, learningRate: number, gradient: Float32Array): void {
  for (let k = 0; k < model.length; k++) model[k]! -= learningRate * gradient[k]!;
}
