/** Server optimizers by name and as text, and their list. */
import { describeParameters, type ParameterDescription } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { parseStages, stageText } from '../formats/stageText.js';
import * as registry from './registry.js';
import type { OptimizerFactory, ServerOptimizer, StateVector } from './serverOptimizer.js';
import { didYouMean } from '../suggest.js';

type Listed = Pick<OptimizerFactory, 'definition' | 'from'>;

const optimizerFactories: readonly Listed[] = Object.values(registry);

/** The description of a server optimizer, as `optimizers()` lists it. */
export interface OptimizerDescription {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** Always 'server-optimizer'. */
  readonly kind: 'server-optimizer';
  /** One sentence. */
  readonly summary: string;
  /** The paper that defines it. */
  readonly source: string;
  /** Its parameters, with their defaults. */
  readonly parameters: readonly ParameterDescription[];
  /** The vectors that it keeps from step to step. */
  readonly state: readonly StateVector[];
}

/**
 * Makes a server optimizer by name, for configuration files.
 *
 * @param name one that `optimizers()` lists
 * @param parameters the optimizer's parameters; missing ones get their defaults
 * @throws QuorateError UNKNOWN_RULE, UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const adam = optimizer('fed-adam', { eta: 0.05 });
 */
export function optimizer(name: string, parameters: unknown = {}): ServerOptimizer {
  const factory = optimizerFactories.find(({ definition }) => definition.name === name);
  if (factory) return factory.from(parameters);
  const known = optimizerFactories.map(({ definition }) => definition.name);
  throw new QuorateError(
    'UNKNOWN_RULE',
    `there is no optimizer '${name}'; there are ${known.join(', ')}${didYouMean(name, known)}`,
    {
      name,
      known,
    },
  );
}

/**
 * Parses an optimizer's text: a name, then the parameters that differ from their defaults.
 *
 * @throws QuorateError UNKNOWN_RULE, UNKNOWN_PARAMETER; INVALID_PARAMETER, with `details.position` if the text
 *   itself is malformed
 * @example
 * parseOptimizer('fed-adam(eta=0.1)')
 */
export function parseOptimizer(text: string): ServerOptimizer {
  const [first, second] = parseStages('optimizer', text);
  if (second) {
    throw new QuorateError('INVALID_PARAMETER', 'optimizer: there can only be one', {
      text,
      position: second.position,
    });
  }
  return optimizer(first!.name, first!.parameters);
}

/** The optimizer as text with all of its parameters, 'fed-adam(eta=0.1, …)', which `parseOptimizer` reads back. */
export function optimizerText({ name, parameters }: ServerOptimizer): string {
  return stageText({ name, parameters });
}

/**
 * Lists all server optimizers with their parameters, defaults and sources.
 *
 * @example
 * console.table(optimizers().map(({ name, summary }) => ({ name, summary })));
 */
export function optimizers(): OptimizerDescription[] {
  return optimizerFactories.map(({ definition: { name, summary, source, parameters, state } }) => ({
    name,
    kind: 'server-optimizer',
    summary,
    source,
    parameters: describeParameters(parameters),
    state,
  }));
}
