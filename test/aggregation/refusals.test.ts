import { expect } from 'chai';
import {
  aggregate,
  createEngine,
  krum,
  mean,
  median,
  multiKrum,
  nnm,
  pipeline,
  smea,
} from '../../src/index.js';
import { normalRows, rowsOf } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';

/** For what the compiler would refuse, so that the check at run time can be seen to do so too. */
const wrong = (value: unknown): never => value as never;

const updates = normalRows(12, 5, 1);

describe('aggregate refuses updates', () => {
  it('that are none', async () => {
    await expectRefusal(() => aggregate([], median()), 'EMPTY_INPUT');
    await expectRefusal(() => aggregate([], 'median', {}), 'EMPTY_INPUT');
  });

  it('that have no entries', async () => {
    await expectRefusal(() => aggregate([new Float32Array(0), new Float32Array(0)], mean()), 'EMPTY_INPUT');
    await expectRefusal(() => aggregate([{}, {}], mean()), 'EMPTY_INPUT');
    await expectRefusal(() => aggregate([{ weight: new Float32Array(0) }], mean()), 'EMPTY_INPUT');
  });

  for (const [kind, make] of Object.entries({
    'float64 arrays': () => [new Float64Array(3), new Float64Array(3)],
    'integer arrays': () => [new Int32Array(3), new Int32Array(3)],
    'byte arrays': () => [new Uint8Array(12)],
    'plain arrays': () => [
      [1, 2, 3],
      [4, 5, 6],
    ],
    numbers: () => [1, 2, 3],
    'a float32 array beside a float64 array': () => [new Float32Array(3), new Float64Array(3)],
    nulls: () => [null, null],
    'a hole': () => [new Float32Array(3), undefined],
    'tensors that are integers': () => [{ weight: new Int32Array(3) }],
    'tensors beside arrays': () => [{ weight: new Float32Array(3) }, new Float32Array(3)],
  })) {
    it(`that are ${kind}`, async () => {
      await expectRefusal(() => aggregate(wrong(make()), median()), 'BAD_TYPE');
      await expectRefusal(() => aggregate(wrong(make()), 'median', {}), 'BAD_TYPE');
    });
  }

  for (const value of [undefined, null, 5, 'rows', new Float32Array(4), () => updates]) {
    it(`that are no list: ${Object.prototype.toString.call(value)}`, async () => {
      await expectRefusal(() => aggregate(wrong(value), median()), 'BAD_TYPE');
    });
  }

  it('of unequal lengths', async () => {
    const ragged = [new Float32Array(3), new Float32Array(4)];
    await expectRefusal(() => aggregate(ragged, median()), 'BAD_SHAPE');
  });

  it('whose tensors differ in name, in number or in length', async () => {
    const tensor = (length: number) => new Float32Array(length);
    for (const [first, second] of [
      [{ weight: tensor(2) }, { bias: tensor(2) }],
      [{ weight: tensor(2), bias: tensor(1) }, { weight: tensor(2) }],
      [{ weight: tensor(2) }, { weight: tensor(2), bias: tensor(1) }],
      [
        { weight: tensor(2), bias: tensor(1) },
        { weight: tensor(1), bias: tensor(2) },
      ],
    ] as [Record<string, Float32Array>, Record<string, Float32Array>][]) {
      await expectRefusal(() => aggregate([first, second], median()), 'BAD_SHAPE');
    }
  });

  it('that are not finite, and names the rows', async () => {
    for (const lie of [NaN, Infinity, -Infinity]) {
      for (const at of [0, 3, 4]) {
        const spoilt = updates.map((row, i) => (i === 2 || i === 7 ? row.with(at, lie) : row));
        const error = await expectRefusal(() => aggregate(spoilt, median()), 'NON_FINITE');
        expect(error.details.rows).deep.equal([2, 7]);
      }
    }
  });

  it('of which none is finite, even where such rows are to be excluded', async () => {
    const spoilt = rowsOf(3, 4, () => NaN);
    await expectRefusal(() => aggregate(spoilt, median(), { onNonFinite: 'exclude' }), 'TOO_FEW_UPDATES');
  });

  it('too few of which are left once the rest is excluded', async () => {
    // Four finite rows and f = 2 − 1: krum needs five.
    const spoilt = [...updates.slice(0, 4), updates[4]!.with(0, NaN)];
    await expectRefusal(
      () => aggregate(spoilt, krum({ f: 2 }), { onNonFinite: 'exclude' }),
      'TOO_FEW_UPDATES',
    );
  });

  it('but takes the largest and the smallest finite numbers', async () => {
    const { value } = await aggregate(
      rowsOf(3, 4, (_, k) => [3.4e38, -3.4e38, 1e-45, -0][k]!),
      median(),
    );
    expect(value.every(Number.isFinite)).equal(true);
  });
});

describe('aggregate refuses', () => {
  it('rules that it does not know', async () => {
    for (const name of ['kurm', 'Krum', '', 'toString', '__proto__', 'constructor']) {
      await expectRefusal(() => aggregate(updates, wrong(name), {}), 'UNKNOWN_RULE');
    }
  });

  it('what is no rule at all', async () => {
    for (const rule of [undefined, null, 3, {}, { name: 'krum' }, krum]) {
      await expectRefusal(() => aggregate(updates, wrong(rule)), 'BAD_TYPE');
    }
  });

  it('pipelines that do not end in a rule', async () => {
    await expectRefusal(() => aggregate(updates, wrong(pipeline(wrong(nnm({ f: 1 }))))), 'INVALID_PARAMETER');
    await expectRefusal(() => pipeline(wrong(median()), median()), 'INVALID_PARAMETER');
    await expectRefusal(() => Reflect.apply(pipeline, undefined, []), 'INVALID_PARAMETER');
  });

  it('options that it does not have', async () => {
    const options = wrong({ onNonfinite: 'exclude' });
    await expectRefusal(() => aggregate(updates, median(), options), 'UNKNOWN_PARAMETER');
    await expectRefusal(() => aggregate(updates, 'median', {}, options), 'UNKNOWN_PARAMETER');
  });

  it('options with values that they cannot have', async () => {
    for (const options of [
      { onNonFinite: 'ignore' },
      { report: 'none' },
      { engine: {} },
      { signal: {} },
      { into: [1, 2, 3, 4, 5] },
      { into: new Float64Array(5) },
    ]) {
      const refused = () => aggregate(updates, median(), wrong(options));
      await expectRefusal(refused, 'into' in options ? 'BAD_TYPE' : 'INVALID_PARAMETER');
    }
  });

  it('a place for the result that does not fit', async () => {
    for (const length of [0, 4, 6]) {
      const into = new Float32Array(length);
      await expectRefusal(() => aggregate(updates, median(), { into }), 'BAD_SHAPE');
    }
  });

  it('searches that would not end', async () => {
    const many = normalRows(80, 6, 1);
    await expectRefusal(() => aggregate(many, smea({ f: 30 })), 'SEARCH_TOO_LARGE');
  });

  it('to go on when the caller gave up', async () => {
    const signal = AbortSignal.abort();
    await expectRefusal(() => aggregate(updates, median(), { signal }), 'ABORTED');
    await expectRefusal(() => aggregate(updates, 'median', {}, { signal }), 'ABORTED');
    const controller = new AbortController();
    const running = aggregate(normalRows(60, 20_000, 1), multiKrum({ f: 2 }), { signal: controller.signal });
    controller.abort();
    await expectRefusal(() => running, 'ABORTED');
  });
});

describe('an engine refuses', () => {
  it('sizes that are none', async () => {
    for (const options of [
      { threads: 0 },
      { threads: 1.5 },
      { threads: -1 },
      { threads: NaN },
      { memoryLimitBytes: 0 },
      { memoryLimitBytes: -1 },
    ]) {
      await expectRefusal(() => createEngine(options), 'INVALID_PARAMETER');
    }
    await expectRefusal(() => createEngine(wrong({ thread: 2 })), 'UNKNOWN_PARAMETER');
    const engine = createEngine();
    for (const [n, d] of [
      [0, 5],
      [5, 0],
      [-1, 5],
      [2.5, 5],
      [5, NaN],
    ] as const) {
      await expectRefusal(() => engine.batch(n, d), 'INVALID_PARAMETER');
    }
    await engine.dispose();
  });

  it('more than its memory holds', async () => {
    const engine = createEngine({ memoryLimitBytes: 8 * 2 ** 20 });
    await expectRefusal(() => engine.batch(100, 1_000_000), 'MEMORY_LIMIT');
    const batch = engine.batch(3, 1000);
    expect(batch.row(2).length).equal(1000);
    await engine.dispose();
  });

  it('to work after it was disposed of', async () => {
    const engine = createEngine({ threads: 1 });
    const batch = engine.batch(3, 4);
    await engine.dispose();
    await expectRefusal(() => engine.batch(3, 4), 'ENGINE_DISPOSED');
    await expectRefusal(() => aggregate(updates, median(), { engine }), 'ENGINE_DISPOSED');
    await expectRefusal(() => aggregate(batch, median()), 'ENGINE_DISPOSED');
    await engine.dispose();
  });

  it('a batch that was released', async () => {
    const engine = createEngine({ threads: 1 });
    const batch = engine.batch(3, 4);
    batch.release();
    await expectRefusal(() => aggregate(batch, median()), 'ENGINE_DISPOSED');
    await expectRefusal(() => batch.row(0), 'ENGINE_DISPOSED');
    await engine.dispose();
  });

  it('a batch of another engine', async () => {
    const [one, other] = [createEngine({ threads: 1 }), createEngine({ threads: 1 })];
    const batch = one.batch(3, 4);
    await expectRefusal(() => aggregate(batch, median(), { engine: other }), 'FOREIGN_BATCH');
    await one.dispose();
    await other.dispose();
  });

  it('rows that a batch does not have', async () => {
    const engine = createEngine({ threads: 1 });
    const batch = engine.batch(3, 4);
    for (const i of [-1, 3, 0.5, NaN]) await expectRefusal(() => batch.row(i), 'INVALID_PARAMETER');
    await engine.dispose();
  });

  it('a source of rows that fails', async () => {
    const source = {
      n: 3,
      d: 4,
      read: () => {
        throw new Error('the disk is gone');
      },
    };
    await expectRefusal(() => aggregate(source, median()), 'SOURCE_FAILED');
    await expectRefusal(
      () => aggregate({ ...source, read: () => Promise.reject(new Error('gone')) }, median()),
      'SOURCE_FAILED',
    );
  });
});
