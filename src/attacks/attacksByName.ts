/** Attacks by name, and their list. */
import { describeParameters, type ParameterDescription } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import type { Attack, AttackFactory } from './attack.js';
import * as registry from './registry.js';
import { didYouMean } from '../suggest.js';

const factories: readonly Pick<AttackFactory, 'definition' | 'from'>[] = Object.values(registry);

/** The description of an attack, as `attacks()` lists it. */
export interface AttackDescription {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** Always 'attack'. */
  readonly kind: 'attack';
  /** One sentence. */
  readonly summary: string;
  /** Its parameters, with their defaults. */
  readonly parameters: readonly ParameterDescription[];
  /** For readers, on the number of honest updates. */
  readonly constraint: string;
  /** The paper that describes it. */
  readonly source: string;
}

/**
 * Makes an attack by name, for configuration files.
 *
 * @param name one that `attacks()` lists
 * @param parameters the attack's parameters; missing ones get their defaults
 * @throws QuorateError UNKNOWN_RULE, UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const lies = attack('a-little-is-enough', { tau: 1 }).forge(honest, 3);
 */
export function attack(name: string, parameters?: unknown): Attack {
  const factory = factories.find(({ definition }) => definition.name === name);
  if (factory) return factory.from(parameters);
  const known = factories.map(({ definition }) => definition.name);
  throw new QuorateError(
    'UNKNOWN_RULE',
    `there is no attack '${name}'; there are ${known.join(', ')}${didYouMean(name, known)}`,
    {
      name,
      known,
    },
  );
}

/**
 * Lists all attacks with their parameters, defaults and sources.
 *
 * @example
 * console.table(attacks().map(({ name, summary }) => ({ name, summary })));
 */
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
