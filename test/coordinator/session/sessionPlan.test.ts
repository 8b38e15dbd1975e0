import { expect } from 'chai';
import { planSession } from '../../../src/coordinator/session/sessionPlan.js';
import type { ErrorCode } from '../../../src/errors.js';
import { pipelineText } from '../../../src/aggregation/pipeline.js';
import { expectRefusal } from '../../support/refusal.js';

const session = (more: Record<string, unknown> = {}) => ({
  id: 'digits',
  pipeline: 'median',
  quorum: 3,
  ...more,
});

describe('planOf', () => {
  it('reads pipeline and optimizer from their text', () => {
    const { recipe } = planSession(
      session({ pipeline: 'nnm( f=1 )>trimmed-mean(f=1)', optimizer: 'fed-adam' }),
    );
    expect(pipelineText(recipe.pipeline)).equal('nnm(f=1) > trimmed-mean(f=1)');
    expect(recipe.optimizer.name).equal('fed-adam');
  });

  it('turns the configuration into what rounds and models need', () => {
    const { policy, recipe } = planSession(
      session({
        pipeline: 'mean',
        selection: { sample: 5, seed: 9 },
        learningRate: { first: 0.1, decay: 'linear' },
        weighting: { examplesUpTo: 100 },
        updates: 'gradient',
        rounds: 7,
        targetUpdates: 4,
      }),
    );
    expect(policy).deep.include({ rounds: 7, quorum: 3, targetUpdates: 4, mode: { kind: 'sync' } });
    expect(policy.selection).deep.equal({ kind: 'sample', size: 5, seed: 9 });
    expect(recipe).deep.include({ updates: 'gradient', examplesUpTo: 100, rounds: 7 });
    expect(recipe.learningRate).deep.equal({ first: 0.1, decay: 'linear' });
  });

  it('takes a buffer', () => {
    const { policy } = planSession(session({ mode: { buffered: { bufferSize: 4, maxStaleness: 2 } } }));
    expect(policy.mode).deep.equal({ kind: 'buffered', bufferSize: 4, maxStaleness: 2 });
  });

  const buffered = { buffered: { bufferSize: 4 } };
  const refusals: Record<string, readonly [Record<string, unknown>, ErrorCode, string?]> = {
    'a misspelt name': [{ qourum: 3 }, 'UNKNOWN_PARAMETER'],
    'no quorum': [{ quorum: undefined }, 'INVALID_PARAMETER', 'quorum'],
    'a name that is no file name': [{ id: '../digits' }, 'INVALID_PARAMETER', 'id'],
    'an unknown rule': [{ pipeline: 'medain' }, 'UNKNOWN_RULE'],
    'an unknown optimizer': [{ optimizer: 'adam' }, 'UNKNOWN_RULE'],
    'a quorum that the rule can’t aggregate': [{ pipeline: 'trimmed-mean(f=2)' }, 'TOO_FEW_UPDATES'],
    'a quorum of which bucketing leaves too few': [
      { pipeline: 'bucketing(s=2, seed=1) > trimmed-mean(f=1)', quorum: 4 },
      'TOO_FEW_UPDATES',
    ],
    'targetUpdates below the quorum': [{ targetUpdates: 2 }, 'INVALID_PARAMETER', 'targetUpdates'],
    'a sample below the quorum': [{ selection: { sample: 2 } }, 'INVALID_PARAMETER', 'selection.sample'],
    'a sample below targetUpdates': [
      { selection: { sample: 3 }, targetUpdates: 4 },
      'INVALID_PARAMETER',
      'targetUpdates',
    ],
    'a buffer below the quorum': [
      { mode: { buffered: { bufferSize: 2 } } },
      'INVALID_PARAMETER',
      'mode.buffered.bufferSize',
    ],
    'a buffer that a sample can’t fill': [
      { mode: buffered, selection: { sample: 3 } },
      'INVALID_PARAMETER',
      'mode.buffered.bufferSize',
    ],
    'a buffer with targetUpdates': [
      { mode: buffered, targetUpdates: 4 },
      'INVALID_PARAMETER',
      'targetUpdates',
    ],
    'a buffer of weights': [{ mode: buffered, updates: 'weights' }, 'INVALID_PARAMETER', 'updates'],
    'examples as weights of a robust rule': [
      { weighting: { examplesUpTo: 10 } },
      'INVALID_PARAMETER',
      'weighting',
    ],
    'examples as weights of what a pre-aggregator mixed': [
      { pipeline: 'nnm(f=1) > mean', weighting: { examplesUpTo: 10 } },
      'INVALID_PARAMETER',
      'weighting',
    ],
    'an adaptive deadline that begins beyond the deadline': [
      { deadlineMs: 50, adaptiveDeadline: {} },
      'INVALID_PARAMETER',
      'adaptiveDeadline.minMs',
    ],
    'a backoff that begins beyond its end': [
      { retry: { firstMs: 10, maxMs: 5 } },
      'INVALID_PARAMETER',
      'retry.firstMs',
    ],
    'a stopWhen that never stops': [{ stopWhen: { metric: 'loss' } }, 'INVALID_PARAMETER', 'stopWhen'],
  };
  for (const [what, [more, code, parameter]] of Object.entries(refusals)) {
    it(`refuses ${what}`, async () => {
      const error = await expectRefusal(() => planSession(session(more)), code);
      if (parameter) expect(error.details.parameter).equal(parameter);
    });
  }
});
