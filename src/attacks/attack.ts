/**
 * What an attack is. It sees all honest updates of a round (the worst case: attackers who work together and watch
 * the network) and makes as many malicious updates as there are attackers.
 *
 *   honest      m × Float32Array(d), m ≥ 1, finite; never written to
 *   result      `attackers` × Float32Array(d), each an array of its own
 *
 * Sums are in float64, in the order of the rows. A value beyond float32 becomes an infinity, which is what a node
 * that sends it would send.
 */
import type { z } from 'zod';
import { parseParameters, requireWholeNumber } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import type { Given } from '../rules/rule.js';

export interface Attack {
  readonly name: string;
  /** All parameters, the defaults filled in. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /**
   * @param honest the honest nodes' updates, not written to
   * @param attackers how many malicious updates to make
   * @throws QuorateError EMPTY_INPUT, BAD_TYPE, BAD_SHAPE or NON_FINITE for the honest updates, INVALID_PARAMETER
   *   for the number of attackers, TOO_FEW_UPDATES where the attack needs more honest updates
   */
  forge(honest: readonly Float32Array[], attackers: number): Float32Array[];
}

export interface AttackDefinition<S extends z.ZodObject> {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly source: string;
  readonly parameters: S;
  /** The fewest honest updates that it can work with. */
  readonly minHonest: number;
  /** Gets checked input. One vector that all attackers send, or one each. */
  readonly forge: (
    honest: readonly Float32Array[],
    parameters: z.output<S>,
    attackers: number,
  ) => Float32Array | Float32Array[];
}

/** Makes an attack from its parameters, and describes it. */
export interface AttackFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: Given<S>): Attack;
  readonly definition: AttackDefinition<S>;
  /** The same, from parameters of unknown origin. */
  readonly from: (parameters: unknown) => Attack;
}

/** Turns an attack's definition into its factory: the checks of parameters and input are the same for all. */
export function defineAttack<S extends z.ZodObject>(definition: AttackDefinition<S>): AttackFactory<S> {
  const { name, minHonest } = definition;
  const from = (given: unknown): Attack => {
    const parameters = parseParameters(name, definition.parameters, given);
    return {
      name,
      parameters: Object.freeze({ ...parameters }),
      forge(honest, attackers) {
        checkHonest(name, honest, minHonest);
        checkAttackers(attackers);
        const forged = definition.forge(honest, parameters, attackers);
        return Array.isArray(forged) ? forged : Array.from({ length: attackers }, () => forged.slice());
      },
    };
  };
  return Object.assign((...given: Given<S>) => from(given[0]), { definition, from });
}

/** @throws QuorateError INVALID_PARAMETER */
export function checkAttackers(attackers: number): void {
  requireWholeNumber('attackers', attackers, 0, 2 ** 31);
}

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT, TOO_FEW_UPDATES, BAD_SHAPE, NON_FINITE */
export function checkHonest(attack: string, honest: readonly Float32Array[], minHonest: number): void {
  const given: unknown = honest;
  if (!Array.isArray(given) || !given.every((row) => row instanceof Float32Array)) {
    throw new QuorateError('BAD_TYPE', `${attack} needs the honest updates as an array of Float32Array`);
  }
  if (honest.length === 0 || honest[0]!.length === 0) {
    throw new QuorateError(
      'EMPTY_INPUT',
      `${attack} needs at least one honest update with at least one entry`,
    );
  }
  if (honest.length < minHonest) {
    throw new QuorateError(
      'TOO_FEW_UPDATES',
      `${attack} needs at least ${minHonest} honest updates; there are ${honest.length}`,
      { attack, minHonest, n: honest.length },
    );
  }
  const d = honest[0]!.length;
  for (const [row, update] of honest.entries()) {
    if (update.length !== d) {
      throw new QuorateError(
        'BAD_SHAPE',
        `honest update ${row} has ${update.length} entries where update 0 has ${d}`,
        { row, expected: d, given: update.length },
      );
    }
    let sum = 0;
    for (let k = 0; k < d; k++) sum += update[k]!;
    if (!Number.isFinite(sum)) {
      // finite float32 numbers, however many, don't overflow a float64 sum
      throw new QuorateError('NON_FINITE', `honest update ${row} holds NaN or an infinity`, { rows: [row] });
    }
  }
}

/**
 * Mean and deviation of each coordinate over the honest updates: n × d float32 in, d float64 out, O(n·d). Plain loops:
 * a callback for each of millions of entries would take most of an attack's time.
 */

export function honestMean(honest: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(honest[0]!.length);
  for (const row of honest) for (let k = 0; k < mean.length; k++) mean[k]! += row[k]!;
  for (let k = 0; k < mean.length; k++) mean[k]! /= honest.length;
  return mean;
}

/** Standard deviation with n − 1 in the denominator (so n ≥ 2), from differences to the mean, not from squares. */
export function honestDeviation(honest: readonly Float32Array[], mean: Float64Array): Float64Array {
  const deviation = new Float64Array(mean.length);
  for (const row of honest) {
    for (let k = 0; k < mean.length; k++) {
      const difference = row[k]! - mean[k]!;
      deviation[k]! += difference * difference;
    }
  }
  for (let k = 0; k < mean.length; k++) deviation[k] = Math.sqrt(deviation[k]! / (honest.length - 1));
  return deviation;
}

/** A multiple of a float64 vector, rounded to float32. */
export function scaledVector(vector: Float64Array, factor: number): Float32Array {
  const result = new Float32Array(vector.length);
  for (let k = 0; k < vector.length; k++) result[k] = factor * vector[k]!;
  return result;
}
