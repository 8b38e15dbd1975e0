/** All server optimizers by name. Adding one is its file and a line here. */
import { describeParameters, type ParameterDescription } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { parseStages, stageText } from '../formats/stageText.js';
import { fedAdagrad } from './fedAdagrad.js';
import { fedAdam } from './fedAdam.js';
import { fedAvg } from './fedAvg.js';
import { fedAvgM } from './fedAvgM.js';
import { fedYogi } from './fedYogi.js';
import type { OptimizerFactory, ServerOptimizer, StateVector } from './serverOptimizer.js';

type Listed = Pick<OptimizerFactory, 'definition' | 'from'>;

const optimizerFactories: readonly Listed[] = [fedAvg, fedAvgM, fedAdagrad, fedAdam, fedYogi];

/** What `optimizers()` tells of an optimizer. */
export interface OptimizerDescription {
  readonly name: string;
  readonly kind: 'server-optimizer';
  readonly summary: string;
  readonly source: string;
  readonly parameters: readonly ParameterDescription[];
  /** The vectors that it keeps from step to step. */
  readonly state: readonly StateVector[];
}

/**
 * An optimizer by name, for configuration files.
 *
 * @param name one of those that `optimizers()` lists
 * @param parameters the optimizer's own; what is left out has its default
 * @throws QuorateError UNKNOWN_RULE, UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const adam = optimizer('fed-adam', { eta: 0.05 });
 */
export function optimizer(name: string, parameters: unknown = {}): ServerOptimizer {
  const factory = optimizerFactories.find(({ definition }) => definition.name === name);
  if (factory) return factory.from(parameters);
  const known = optimizerFactories.map(({ definition }) => definition.name);
  throw new QuorateError('UNKNOWN_RULE', `there is no optimizer '${name}'; there are ${known.join(', ')}`, {
    name,
    known,
  });
}

/**
 * An optimizer from its text: a name, and parameters where they are not the defaults.
 *
 * @throws QuorateError UNKNOWN_RULE, UNKNOWN_PARAMETER; INVALID_PARAMETER, with `details.position` where the text
 *   itself can't be read
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

/** With all of its parameters: 'fed-adam(eta=0.1, …)'. `parseOptimizer` reads it. */
export function optimizerText({ name, parameters }: ServerOptimizer): string {
  return stageText({ name, parameters });
}

/** What server optimizers there are, their parameters with defaults, and where they come from. */
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
