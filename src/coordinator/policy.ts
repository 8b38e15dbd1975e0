/** A session's configuration, checked before any work, and what its rounds and its models need of it. */
import type { z } from 'zod';
import { QuorateError } from '../errors.js';
import { parseParameters } from '../core/parameters.js';
import { parseOptimizer } from '../optimizers/registry.js';
import { checkPipeline, parsePipeline, type Pipeline } from '../pipeline.js';
import { type SessionConfig, sessionConfigSchema } from '../protocol/session.js';
import type { Policy } from '../rounds/policy.js';
import type { Recipe } from './nextModel.js';

export interface Plan {
  /** With all defaults. */
  readonly config: SessionConfig;
  readonly policy: Policy;
  readonly recipe: Recipe;
}

/**
 * @param given of unknown origin
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER, UNKNOWN_RULE; TOO_FEW_UPDATES if the pipeline could not
 *   aggregate a quorum
 */
export function planOf(given: unknown): Plan {
  const config = parseParameters('session', sessionConfigSchema satisfies z.ZodObject, given);
  const recipe = recipeOf(config);
  const policy = policyOf(config);
  checkRecipe(config, recipe.pipeline);
  checkNumbers(policy);
  return { config, policy, recipe };
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

function refuse(parameter: string, message: string): never {
  throw new QuorateError('INVALID_PARAMETER', `session: ${message}`, { owner: 'session', parameter });
}

function checkRecipe({ quorum, updates, weighting, mode }: SessionConfig, pipeline: Pipeline): void {
  checkPipeline(pipeline, quorum);
  if (mode !== 'sync' && updates === 'weights') {
    refuse(
      'updates',
      'a buffer takes deltas or gradients: weights from older models would pull back to them',
    );
  }
  const isLoneMean = pipeline.preaggregators.length === 0 && pipeline.rule.name === 'mean';
  if (weighting !== 'equal' && !isLoneMean) {
    refuse('weighting', 'only a lone mean is weighted by examples: an attacker reports them too');
  }
}

function checkNumbers(policy: Policy): void {
  const { quorum, targetUpdates, selection, mode, adaptiveDeadline, deadlineMs, retry, stopWhen } = policy;
  const most = selection.kind === 'sample' ? selection.size : Infinity;
  if (most < quorum) refuse('selection', `a sample of ${most} nodes can't give a quorum of ${quorum}`);
  if (targetUpdates !== null) {
    if (mode.kind === 'buffered') {
      refuse('targetUpdates', 'a buffer closes at its bufferSize, not at targetUpdates');
    }
    if (targetUpdates < quorum)
      refuse('targetUpdates', `targetUpdates must be at least the quorum, ${quorum}`);
    if (targetUpdates > most)
      refuse('targetUpdates', `a sample of ${most} nodes can't give ${targetUpdates}`);
  }
  if (mode.kind === 'buffered') {
    if (mode.bufferSize < quorum) refuse('mode', `bufferSize must be at least the quorum, ${quorum}`);
    if (mode.bufferSize > most) refuse('mode', `a sample of ${most} nodes can't fill ${mode.bufferSize}`);
  }
  if (adaptiveDeadline && adaptiveDeadline.leastMs > deadlineMs) {
    refuse('adaptiveDeadline', `leastMs must be at most deadlineMs, ${deadlineMs}`);
  }
  if (retry.firstMs > retry.mostMs) refuse('retry', 'firstMs must be at most mostMs');
  if (stopWhen?.reaches === null && stopWhen.patience === null) {
    refuse('stopWhen', 'stopWhen needs reaches, patience, or both');
  }
}
