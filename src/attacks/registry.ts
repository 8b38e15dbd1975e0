/** All attacks by name. Adding one is its file and a line here. */
import { describeParameters, type ParameterDescription } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { aLittleIsEnough } from './aLittleIsEnough.js';
import type { Attack } from './attack.js';
import { gaussian } from './gaussian.js';
import { infinity } from './infinity.js';
import { innerProductManipulation } from './innerProductManipulation.js';
import { mimic } from './mimic.js';
import { signFlipping } from './signFlipping.js';

const factories = [
  signFlipping,
  innerProductManipulation,
  aLittleIsEnough,
  mimic,
  gaussian,
  infinity,
] as const;

const byName = new Map(factories.map((factory) => [factory.definition.name, factory.from]));

/** What `attacks()` tells of an attack. */
export interface AttackDescription {
  readonly name: string;
  readonly kind: 'attack';
  readonly summary: string;
  readonly parameters: readonly ParameterDescription[];
  /** What it needs, for readers. */
  readonly constraint: string;
  readonly source: string;
}

/**
 * An attack by name, for configuration files.
 *
 * @param name one of those that `attacks()` lists
 * @param parameters the attack's own; what is left out has its default
 * @throws QuorateError UNKNOWN_RULE, UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const lies = attack('a-little-is-enough', { tau: 1 }).forge(honest, 3);
 */
export function attack(name: string, parameters?: unknown): Attack {
  const from = byName.get(name);
  if (from === undefined) {
    const known = [...byName.keys()];
    throw new QuorateError('UNKNOWN_RULE', `there is no attack '${name}'; there are ${known.join(', ')}`, {
      name,
      known,
    });
  }
  return from(parameters);
}

/** What attacks there are, their parameters with defaults, and where they come from. */
export function attacks(): AttackDescription[] {
  return factories.map(({ definition }) => ({
    name: definition.name,
    kind: 'attack',
    summary: definition.summary,
    parameters: describeParameters(definition.parameters),
    constraint: `honest updates ≥ ${definition.minHonest}`,
    source: definition.source,
  }));
}
