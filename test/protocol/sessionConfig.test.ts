import { expect } from 'chai';
import fc from 'fast-check';
import { QuorateError } from '../../src/errors.js';
import { sessionConfigSchema } from '../../src/protocol/sessionConfig.js';
import { parse } from '../../src/schema.js';
import { expectRefusal } from '../support/refusal.js';

const least = { id: 's', pipeline: 'median', quorum: 3 };

const read = (more: object) => parse('session', sessionConfigSchema, { ...least, ...more });

describe('sessionConfigSchema', () => {
  it('needs a name, a pipeline and a quorum, and has defaults for all else', () => {
    expect(read({})).deep.equal({
      ...least,
      optimizer: 'fed-avg',
      updates: 'delta',
      learningRate: 1,
      weighting: 'equal',
      rounds: 100,
      targetUpdates: null,
      deadlineMs: 60_000,
      adaptiveDeadline: null,
      selection: 'all',
      mode: 'sync',
      retry: { firstMs: 1000, maxMs: 60_000, attempts: null },
      stopWhen: null,
      exclude: null,
      train: {},
    });
  });

  it('accepts its own output', () => {
    const config = read({
      mode: { buffered: { bufferSize: 4 } },
      selection: { sample: 8 },
      adaptiveDeadline: {},
      stopWhen: { metric: 'loss', reaches: 0.1 },
      exclude: { rounds: 3 },
      train: { batchSize: 32, nested: { list: [1, null, true] } },
    });
    expect(parse('session', sessionConfigSchema, config)).deep.equal(config);
  });

  it('takes numbers that are just right', () => {
    for (const more of [
      { targetUpdates: 3 },
      { selection: { sample: 3 } },
      { selection: { sample: 5 }, targetUpdates: 5 },
      { mode: { buffered: { bufferSize: 3 } } },
      { mode: { buffered: { bufferSize: 5 } }, selection: { sample: 5 } },
      { adaptiveDeadline: { minMs: 60_000 } },
      { retry: { firstMs: 60_000 } },
      { updates: 'gradient', learningRate: { first: 0.1, decay: 'linear' } },
      { stopWhen: { metric: 'loss', patience: 1 } },
    ]) {
      expect(() => read(more), JSON.stringify(more)).not.throw();
    }
  });

  const contradictions: [more: object, parameter: string][] = [
    [{ targetUpdates: 2 }, 'targetUpdates'],
    [{ selection: { sample: 2 } }, 'selection.sample'],
    [{ selection: { sample: 4 }, targetUpdates: 5 }, 'targetUpdates'],
    [{ mode: { buffered: { bufferSize: 2 } } }, 'mode.buffered.bufferSize'],
    [{ mode: { buffered: { bufferSize: 5 } }, selection: { sample: 4 } }, 'mode.buffered.bufferSize'],
    [{ mode: { buffered: { bufferSize: 4 } }, targetUpdates: 4 }, 'targetUpdates'],
    [{ mode: { buffered: { bufferSize: 4 } }, updates: 'weights' }, 'updates'],
    [{ learningRate: 0.1 }, 'learningRate'],
    [{ updates: 'weights', learningRate: { first: 1, decay: 'constant' } }, 'learningRate'],
    [{ adaptiveDeadline: { minMs: 60_001 } }, 'adaptiveDeadline.minMs'],
    [{ retry: { firstMs: 60_001 } }, 'retry.firstMs'],
    [{ stopWhen: { metric: 'loss' } }, 'stopWhen'],
  ];
  for (const [more, parameter] of contradictions) {
    it(`refuses ${JSON.stringify(more)}`, async () => {
      const { details } = await expectRefusal(() => read(more), 'INVALID_PARAMETER');
      expect(details.parameter).equal(parameter);
    });
  }

  it('refuses values out of range, naming the place', async () => {
    for (const [more, parameter] of [
      [{ id: '../etc' }, 'id'],
      [{ id: 'a'.repeat(65) }, 'id'],
      [{ id: '.hidden' }, 'id'],
      [{ quorum: 0 }, 'quorum'],
      [{ quorum: 1.5 }, 'quorum'],
      [{ rounds: 1e9 }, 'rounds'],
      [{ deadlineMs: 2 ** 31 }, 'deadlineMs'],
      [{ pipeline: 'x'.repeat(1001) }, 'pipeline'],
      [{ selection: 'some' }, 'selection'],
      [{ selection: { sample: 0 } }, 'selection.sample'],
      [{ mode: { buffered: { bufferSize: 4, maxStaleness: -1 } } }, 'mode.buffered.maxStaleness'],
      [{ updates: 'gradient', learningRate: 0 }, 'learningRate'],
      [{ weighting: { examplesUpTo: 0 } }, 'weighting.examplesUpTo'],
    ] as const) {
      const { details } = await expectRefusal(() => read(more), 'INVALID_PARAMETER');
      expect(details.parameter, JSON.stringify(more)).equal(parameter);
    }
  });

  it('refuses misspellings at every depth', async () => {
    for (const more of [
      { quorom: 3 },
      { selection: { sample: 4, sead: 1 } },
      { mode: { buffered: { bufferSize: 4, staleness: 1 } } },
      { retry: { first: 1 } },
      { exclude: { rounds: 1, above: 1 } },
    ]) {
      await expectRefusal(() => read(more), 'UNKNOWN_PARAMETER');
    }
  });

  it('reads or refuses anything, and never fails otherwise', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('all', 'sync', { sample: 2 }, { buffered: {} }, NaN),
    );
    const keys = fc.constantFrom(...Object.keys(sessionConfigSchema.shape), '__proto__', 'x');
    const configs = fc.dictionary(keys, value).map((more) => ({ ...least, ...more }));
    fc.assert(
      fc.property(fc.oneof(value, configs), (given) => {
        try {
          parse('session', sessionConfigSchema, given);
        } catch (error) {
          if (!(error instanceof QuorateError)) throw error;
          expect(error.code).oneOf(['INVALID_PARAMETER', 'UNKNOWN_PARAMETER']);
        }
      }),
      { seed: 20_260_101, numRuns: 3000 },
    );
  });
});
