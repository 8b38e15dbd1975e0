import { QuorateError } from '../../errors.js';
import { parseOptimizer } from '../../optimizers/optimizersByName.js';
import { checkPipeline, parsePipeline, type Pipeline } from '../../aggregation/pipeline.js';
import { type SessionConfig, sessionConfigSchema } from '../../protocol/sessionConfig.js';
import type { Policy } from '../../rounds/machine.js';
import { parse } from '../../schema.js';
import type { Recipe } from './nextModel.js';

/** A session's configuration, checked, and what its rounds and its models take from it. */
export interface SessionPlan {
  /** With all defaults. */
  readonly config: SessionConfig;
  /** The rules of its rounds. */
  readonly policy: Policy;
  /** How a round's updates become the next model. */
  readonly recipe: Recipe;
}

/**
 * Checks a configuration and completes it with the defaults.
 *
 * @param given of unknown origin
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER, UNKNOWN_RULE; TOO_FEW_UPDATES if the pipeline could not
 *   aggregate a quorum
 */
export function planSession(given: unknown): SessionPlan {
  const config = parse('session', sessionConfigSchema, given);
  const recipe = recipeOf(config);
  checkRecipe(config, recipe.pipeline);
  return { config, policy: policyOf(config), recipe };
}

function recipeOf({ pipeline, optimizer, updates, learningRate, weighting, rounds }: SessionConfig): Recipe {
  return {
    pipeline: parsePipeline(pipeline),
    optimizer: parseOptimizer(optimizer),
    updates,
    learningRate:
      typeof learningRate === 'number' ? { first: learningRate, decay: 'constant' } : learningRate,
    examplesUpTo: weighting === 'equal' ? null : weighting.examplesUpTo,
    rounds,
  };
}

function policyOf(config: SessionConfig): Policy {
  const { rounds, quorum, targetUpdates, deadlineMs, adaptiveDeadline, retry, stopWhen, exclude } = config;
  const { selection, mode } = config;
  return {
    rounds,
    quorum,
    targetUpdates,
    deadlineMs,
    adaptiveDeadline,
    retry,
    stopWhen,
    exclude,
    selection:
      selection === 'all'
        ? { kind: 'all' }
        : { kind: 'sample', size: selection.sample, seed: selection.seed },
    mode: mode === 'sync' ? { kind: 'sync' } : { kind: 'buffered', ...mode.buffered },
  };
}

/** What is to be known of the pipeline; all else the schema has checked. */
function checkRecipe({ quorum, weighting }: SessionConfig, pipeline: Pipeline): void {
  checkPipeline(pipeline, quorum);
  const isLoneMean = pipeline.preaggregators.length === 0 && pipeline.rule.name === 'mean';
  if (weighting === 'equal' || isLoneMean) return;
  throw new QuorateError(
    'INVALID_PARAMETER',
    'session: weighting: only a lone mean is weighted by examples, which attackers report too',
    { owner: 'session', parameter: 'weighting' },
  );
}
