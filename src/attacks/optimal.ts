import * as z from 'zod';
import { aggregate } from '../aggregation/aggregate.js';
import type { Pipeline } from '../aggregation/pipeline.js';
import type { Engine } from '../core/engine.js';
import { parseParameters, refuseUnknown } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import type { Rule } from '../rules/rule.js';
import { type Attack, checkAttackers, checkHonest, honestMean } from './attack.js';

/** The factory of an attack whose strength is one number, such as `innerProductManipulation` or `aLittleIsEnough`. */
export type GradedAttack = (parameters: { tau: number }) => Attack;

/** Options of `optimal`. */
export interface OptimalOptions {
  /** The defender's rule or pipeline. */
  readonly defense: Rule | Pipeline;
  /** Strengths to try, ascending; they may be negative. Default: 0.1 to 20 in twelve steps. */
  readonly grid?: readonly number[];
  /** How many times the interval around the best strength is halved. Default: 3. */
  readonly refinements?: number;
  /** The engine to run the defense on. Default: one that all calls without an engine share. */
  readonly engine?: Engine;
  /** Cancels the search. */
  readonly signal?: AbortSignal;
}

/** The strongest attack found. */
export interface Optimum {
  /** Its strength. */
  readonly tau: number;
  /** Euclidean distance from the honest mean to the defense's result under this attack. */
  readonly distance: number;
  /** The malicious updates, one per attacker. */
  readonly updates: Float32Array[];
}

/** An attack that searches for its strongest parameters in every round. Made by `optimal`. */
export interface OptimalAttack {
  /** 'optimal a-little-is-enough', for instance. */
  readonly name: string;
  /**
   * Finds the strongest malicious updates.
   *
   * @throws QuorateError as the attack's own `forge`, and as `aggregate` with the defense
   */
  search(honest: readonly Float32Array[], attackers: number): Promise<Optimum>;
  /** Like `search`, but returns only the updates. */
  forge(honest: readonly Float32Array[], attackers: number): Promise<Float32Array[]>;
}

const searchParameters = z.strictObject({
  grid: z
    .array(z.number())
    .min(1)
    .refine((grid) => grid.every((tau, i) => i === 0 || tau > grid[i - 1]!), 'must be ascending')
    .default([0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20]),
  refinements: z.int().min(0).default(3),
});

/**
 * The optimal variant of an attack with a strength tau: the attackers know the defense, run it on candidate updates, and
 * send those that move the result farthest from the honest mean.
 *
 * The distance as a function of tau has jumps where the rule starts to filter the attack out. So the search tries a grid
 * first, then halves the interval around the best point a few times. It costs grid.length + 2 · refinements
 * aggregations, in which the honest updates come first.
 *
 * Source: Shejwalkar and Houmansadr 2021 (doi:10.14722/ndss.2021.24498); the search differs.
 *
 * @param attack the factory of an attack with a parameter tau
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const defense = pipeline(nnm({ f: 3 }), trimmedMean({ f: 3 }));
 * const { tau, distance, updates } = await optimal(aLittleIsEnough, { defense }).search(honest, 3);
 */
export function optimal(attack: GradedAttack, options: OptimalOptions): OptimalAttack {
  const name = `optimal ${attack({ tau: 1 }).name}`; // an attack without tau is refused here
  refuseUnknown(name, options, ['defense', 'grid', 'refinements', 'engine', 'signal']);
  const { defense, engine, signal, grid: givenGrid, refinements: givenRefinements } = options;
  if (defense === undefined) {
    throw new QuorateError('INVALID_PARAMETER', `${name}: the option 'defense' is required`, {
      parameter: 'defense',
    });
  }
  const { grid, refinements } = parseParameters(name, searchParameters, {
    grid: givenGrid,
    refinements: givenRefinements,
  });

  const search = async (honest: readonly Float32Array[], attackers: number): Promise<Optimum> => {
    checkHonest(name, honest, 1); // the attack itself may need more
    checkAttackers(attackers);
    const mean = honestMean(honest);
    const outcome = async (tau: number): Promise<Optimum> => {
      const updates = attack({ tau }).forge(honest, attackers);
      const { value } = await aggregate([...honest, ...updates], defense, {
        report: 'brief',
        ...(engine && { engine }),
        ...(signal && { signal }),
      });
      return { tau, distance: distanceBetween(value, mean), updates };
    };

    let best = await outcome(grid[0]!);
    for (const tau of grid.slice(1)) best = farther(best, await outcome(tau));

    const at = grid.indexOf(best.tau);
    let low = grid[Math.max(at - 1, 0)]!;
    let high = grid[Math.min(at + 1, grid.length - 1)]!;
    for (let refinement = 0; refinement < refinements; refinement++) {
      const center = best.tau;
      const below = (low + center) / 2;
      const above = (center + high) / 2;
      best = farther(farther(best, await outcome(below)), await outcome(above));
      low = best.tau > center ? center : best.tau < center ? low : below;
      high = best.tau < center ? center : best.tau > center ? high : above;
    }
    return best;
  };

  return { name, search, forge: async (honest, attackers) => (await search(honest, attackers)).updates };
}

/** Among equals, the one found first. */
const farther = (a: Optimum, b: Optimum): Optimum => (b.distance > a.distance ? b : a);

function distanceBetween(a: Float32Array, b: Float64Array): number {
  let squares = 0;
  for (let k = 0; k < b.length; k++) {
    const difference = a[k]! - b[k]!;
    squares += difference * difference;
  }
  return Math.sqrt(squares);
}
