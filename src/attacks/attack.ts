/**
 * Attacks: what malicious nodes send. An attack sees all honest updates of a round (the worst case: attackers collude
 * and watch the network) and makes one malicious update per attacker.
 *
 *   honest      m × Float32Array(d), m ≥ 1, finite; never written to
 *   result      `attackers` × Float32Array(d), separate arrays
 *
 * Sums are float64, in row order. A value beyond float32 becomes an infinity, as it would for a node that sends it.
 */
import type * as z from 'zod';
import { parseParameters, requireWholeNumber } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import type { FactoryArguments } from '../rules/rule.js';

/** An attack with its parameters. Made by a factory such as `signFlipping`. */
export interface Attack {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** All parameters, with defaults filled in. Frozen. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /**
   * Makes the malicious updates.
   *
   * @param honest the honest updates, each Float32Array(d), finite; not written to
   * @param attackers number of malicious updates to make
   * @returns one new array of d float32 per attacker
   * @throws QuorateError EMPTY_INPUT, BAD_TYPE, BAD_SHAPE or NON_FINITE for the honest updates, INVALID_PARAMETER
   *   for the number of attackers, TOO_FEW_UPDATES if the attack needs more honest updates
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
  /** The least number of honest updates that it works with. */
  readonly minHonest: number;
  /** The input is checked already. Returns one vector that all attackers send, or one per attacker. */
  readonly forge: (
    honest: readonly Float32Array[],
    parameters: z.output<S>,
    attackers: number,
  ) => Float32Array | Float32Array[];
}

/** Makes attacks of one kind from their parameters, such as `aLittleIsEnough({ tau: 1 })`. */
export interface AttackFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: FactoryArguments<S>): Attack;
  /** @internal */
  readonly definition: AttackDefinition<S>;
  /** Makes the attack from parameters that are not yet checked, from a configuration file for instance. */
  readonly from: (parameters: unknown) => Attack;
}

/** Defines an attack. Checks of parameters and input are the same for all. */
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
  return Object.assign((...given: FactoryArguments<S>) => from(given[0]), { definition, from });
}

/** @throws QuorateError INVALID_PARAMETER */
export function checkAttackers(attackers: number): void {
  requireWholeNumber('attackers', attackers, 0, 2 ** 31);
}

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT, TOO_FEW_UPDATES, BAD_SHAPE, NON_FINITE */
export function checkHonest(attack: string, honest: readonly Float32Array[], minHonest: number): void {
  const given: unknown = honest;
  if (!Array.isArray(given) || !given.every((row) => row instanceof Float32Array)) {
    throw new QuorateError('BAD_TYPE', `${attack}: honest updates must be an array of Float32Array`);
  }
  if (honest.length === 0 || honest[0]!.length === 0) {
    throw new QuorateError(
      'EMPTY_INPUT',
      `${attack}: there must be at least one honest update with at least one entry`,
    );
  }
  if (honest.length < minHonest) {
    throw new QuorateError(
      'TOO_FEW_UPDATES',
      `${attack} needs at least ${minHonest} honest updates; got ${honest.length}`,
      { attack, minHonest, n: honest.length },
    );
  }
  const d = honest[0]!.length;
  for (const [row, update] of honest.entries()) {
    if (update.length !== d) {
      throw new QuorateError(
        'BAD_SHAPE',
        `honest update ${row} has ${update.length} entries, update 0 has ${d}`,
        { row, expected: d, given: update.length },
      );
    }
    let sum = 0;
    for (let k = 0; k < d; k++) sum += update[k]!;
    if (!Number.isFinite(sum)) {
      // a float64 sum of finite float32 values can't overflow
      throw new QuorateError('NON_FINITE', `honest update ${row} holds NaN or an infinity`, { rows: [row] });
    }
  }
}

/** The mean of each coordinate, in float64. Plain loops: a callback per entry would take most of an attack's time. */
export function honestMean(honest: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(honest[0]!.length);
  for (const row of honest) for (let k = 0; k < mean.length; k++) mean[k]! += row[k]!;
  for (let k = 0; k < mean.length; k++) mean[k]! /= honest.length;
  return mean;
}

/** The standard deviation of each coordinate, with n − 1 in the denominator, from differences to the mean. Needs n ≥ 2. */
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
