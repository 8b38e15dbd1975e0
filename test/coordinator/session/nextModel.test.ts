import { expect } from 'chai';
import { aggregate } from '../../../src/aggregation/aggregate.js';
import { nextModel, rateOf, type Recipe, type RowFacts } from '../../../src/coordinator/session/nextModel.js';
import { arraySource } from '../../../src/core/source.js';
import { optimize } from '../../../src/optimizers/optimize.js';
import { parseOptimizer } from '../../../src/optimizers/optimizersByName.js';
import { parsePipeline } from '../../../src/aggregation/pipeline.js';
import { testEngine } from '../../support/coordinator/scene.js';
import { normalRows } from '../../support/random.js';
import { expectRefusal } from '../../support/refusal.js';

const engine = testEngine();
const rows = normalRows(6, 37, 11);
const model = rows.shift()!;
const fresh: RowFacts = { numExamples: null, staleness: 0 };
const facts = rows.map(() => fresh);

const recipe = (changes: Partial<Recipe> = {}): Recipe => ({
  pipeline: parsePipeline('median'),
  optimizer: parseOptimizer('fed-avg'),
  updates: 'delta',
  learningRate: { first: 1, decay: 'constant' },
  examplesUpTo: null,
  rounds: 10,
  ...changes,
});

const input = { round: 1, model, optimizer: null, rows: arraySource(rows), facts };

/** Whether all bits are the same, but for what a NaN holds. */
const same = (a: Float32Array, b: Float32Array) => expect([...a]).deep.equal([...b]);

/** The next model where the arithmetic before the optimizer's is done here, in float64 rounded where float32 is. */
async function expected(delta: Float32Array, optimizer = 'fed-avg'): Promise<Float32Array> {
  return (await optimize(model, delta, parseOptimizer(optimizer), undefined, { engine })).model;
}

describe('nextModel', () => {
  it('adds the aggregate of deltas', async () => {
    const next = await nextModel(recipe(), input, { engine });
    const { value, report } = await aggregate(rows, parsePipeline('median'), { engine });
    same(next.model, await expected(value));
    expect(next.report.resultDigest).equal(report.resultDigest);
  });

  it('descends along gradients at the rate', async () => {
    const gradient = recipe({ updates: 'gradient', learningRate: { first: 0.3, decay: 'constant' } });
    const { value } = await aggregate(rows, parsePipeline('median'), { engine });
    const step = value.map((entry) => Math.fround(Math.fround(-0.3) * entry));
    same((await nextModel(gradient, input, { engine })).model, await expected(step));
  });

  it('is the aggregate of weights itself, whatever the pipeline', async () => {
    for (const text of [
      'median',
      'clipping(c=1) > mean',
      'centered-clipping(tau=0.5)',
      'sign-vote',
      'cge(f=1)',
    ]) {
      const pipeline = parsePipeline(text);
      const { value } = await aggregate(rows, pipeline, { engine });
      const next = await nextModel(recipe({ updates: 'weights', pipeline }), input, { engine });
      same(next.model, value);
      expect(next.optimizer).deep.equal({ step: 1, vectors: {} });
    }
  });

  it('loses nothing between a model and weights of other magnitudes', async () => {
    for (const [before, after] of [
      [1e8, 1],
      [3e38, -3e38],
      [1, 1e-20],
    ] as const) {
      const from = { ...input, model: Float32Array.of(before), facts: facts.slice(0, 3) };
      const sent = arraySource([0, 1, 2].map(() => Float32Array.of(after)));
      const moved = await nextModel(recipe({ updates: 'weights' }), { ...from, rows: sent }, { engine });
      expect(moved.model[0], `${before} to ${after}`).equal(Math.fround(after));
      const half = recipe({ updates: 'weights', optimizer: parseOptimizer('fed-avg(eta=0.5)') });
      const middle = await nextModel(half, { ...from, rows: sent }, { engine });
      const wanted = Math.fround(Math.fround(before) / 2 + Math.fround(after) / 2);
      expect(middle.model[0], `half from ${before} to ${after}`).equal(wanted);
      expect(from.model[0]).equal(Math.fround(before));
    }
  });

  it('takes the difference of weights where the optimizer needs it, and says if it overflows', async () => {
    const { value } = await aggregate(rows, parsePipeline('median'), { engine });
    const step = value.map((entry, k) => Math.fround(entry - model[k]!));
    const adam = recipe({ updates: 'weights', optimizer: parseOptimizer('fed-adam') });
    same((await nextModel(adam, input, { engine })).model, await expected(step, 'fed-adam'));
    const opposite = model.map(() => -3e38);
    const far = { ...input, model: model.map(() => 3e38), rows: arraySource(rows.map(() => opposite)) };
    await expectRefusal(() => nextModel(adam, far, { engine }), 'NON_FINITE_RESULT');
  });

  it('scales a row by 1 / √(1 + staleness), in float32', async () => {
    const stale = [0, 3, 0, 7, 1].map((staleness) => ({ ...fresh, staleness }));
    const scaled = rows.map((row, i) => {
      const scale = Math.fround(1 / Math.sqrt(1 + stale[i]!.staleness));
      return stale[i]!.staleness === 0 ? row : row.map((entry) => Math.fround(scale * entry));
    });
    const { value } = await aggregate(scaled, parsePipeline('mean'), { engine });
    const next = await nextModel(
      recipe({ pipeline: parsePipeline('mean') }),
      { ...input, facts: stale },
      { engine },
    );
    same(next.model, await expected(value));
  });

  it('scales rows that are read asynchronously too', async () => {
    const source = arraySource(rows);
    const slow = {
      ...source,
      read: async (row: number, column: number, into: Float32Array) => {
        await Promise.resolve();
        await source.read(row, column, into);
      },
    };
    const stale = [2, 0, 1, 0, 4].map((staleness) => ({ ...fresh, staleness }));
    const [atOnce, later] = await Promise.all(
      [source, slow].map((rows) => nextModel(recipe(), { ...input, rows, facts: stale }, { engine })),
    );
    same(later!.model, atOnce!.model);
  });

  it('weights a mean by examples up to the cap, and counts a node without examples as one', async () => {
    const told = [5, 100, null, 20, 0].map((numExamples) => ({ ...fresh, numExamples }));
    const { value } = await aggregate(rows, 'mean', { weights: [5, 50, 1, 20, 0] }, { engine });
    const weighted = recipe({ pipeline: parsePipeline('mean'), examplesUpTo: 50 });
    same((await nextModel(weighted, { ...input, facts: told }, { engine })).model, await expected(value));
  });

  it('ignores examples where all rows count alike', async () => {
    const told = rows.map((_, i) => ({ ...fresh, numExamples: i * 100 }));
    const mean = recipe({ pipeline: parsePipeline('mean') });
    const [with_, without] = await Promise.all([
      nextModel(mean, { ...input, facts: told }, { engine }),
      nextModel(mean, input, { engine }),
    ]);
    same(with_.model, without.model);
  });

  it('hands the optimizer its own state', async () => {
    const adam = recipe({ optimizer: parseOptimizer('fed-adam(eta=0.05)') });
    const first = await nextModel(adam, input, { engine });
    const second = await nextModel(
      adam,
      { ...input, round: 2, model: first.model, optimizer: first.optimizer },
      { engine },
    );
    const { value } = await aggregate(rows, parsePipeline('median'), { engine });
    const optimizer = parseOptimizer('fed-adam(eta=0.05)');
    const one = await optimize(model, value, optimizer, undefined, { engine });
    const two = await optimize(one.model, value, optimizer, one.state, { engine });
    same(second.model, two.model);
    expect(second.optimizer.step).equal(2);
  });

  it('writes to nothing that it was given', async () => {
    const [modelBefore, rowsBefore] = [model.slice(), rows.map((row) => row.slice())];
    const stale = rows.map((_, staleness) => ({ ...fresh, staleness }));
    await nextModel(recipe({ updates: 'gradient' }), { ...input, facts: stale }, { engine });
    same(model, modelBefore);
    rows.forEach((row, i) => same(row, rowsBefore[i]!));
  });

  it('stops when its signal aborts', async () => {
    const given = new AbortController();
    given.abort();
    await expectRefusal(() => nextModel(recipe(), input, { engine, signal: given.signal }), 'ABORTED');
  });
});

describe('rateOf', () => {
  it('falls on a straight line to reach 0 after the last round', () => {
    const linear = recipe({ learningRate: { first: 0.5, decay: 'linear' }, rounds: 4 });
    expect([1, 2, 3, 4, 5].map((round) => rateOf(linear, round))).deep.equal([0.5, 0.375, 0.25, 0.125, 0]);
  });

  it('stays where it is constant', () => {
    const constant = recipe({ learningRate: { first: 0.5, decay: 'constant' }, rounds: 4 });
    expect([1, 4].map((round) => rateOf(constant, round))).deep.equal([0.5, 0.5]);
  });
});
