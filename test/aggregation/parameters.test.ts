import { expect } from 'chai';
import * as library from '../../src/index.js';
import {
  aggregate,
  arc,
  bucketing,
  bulyan,
  caf,
  centeredClipping,
  cge,
  clipping,
  geometricMedian,
  krum,
  mda,
  mean,
  meamed,
  median,
  monna,
  multiKrum,
  nnm,
  phocas,
  pipeline,
  signVote,
  smea,
  trimmedMean,
} from '../../src/index.js';
import { preaggregators, rules } from '../support/library.js';
import type { RuleName } from '../support/names.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';
import { isBounded, sampleParameters } from '../support/samples.js';

/** For what the compiler would refuse, so that the check at run time can be seen to do so too. */
const wrong = (value: unknown): never => value as never;

const updates = normalRows(12, 5, 1);

/** The rules with a Byzantine bound. */
const bounded = library.rules().filter(({ name }) => name in rules && isBounded(rules[name as RuleName]));

const factoryOf = (name: string) => rules[name as RuleName] as (parameters: { f: number }) => library.Rule;

describe('aggregate refuses too few updates', () => {
  /** What the constraint says, 'n > 2f + 2': the least n for this f. */
  const leastBy = (constraint: string, f: number): number => {
    const [, sign, factor, plus = '0'] = /^n (>|≥) (\d*)f(?: \+ (\d+))?$/.exec(constraint) ?? [];
    return (factor === '' ? 1 : Number(factor)) * f + Number(plus) + (sign === '>' ? 1 : 0);
  };
  for (const { name, constraint } of bounded) {
    it(`for ${name}, and takes one more`, async () => {
      for (const f of [1, 2]) {
        const least = leastBy(constraint, f);
        const few = normalRows(least - 1, 3, f);
        const error = await expectRefusal(() => aggregate(few, factoryOf(name)({ f })), 'TOO_FEW_UPDATES');
        expect(error.details).include({ n: few.length });
        await expectRefusal(() => aggregate(few, name, { f }), 'TOO_FEW_UPDATES');
        const enough = normalRows(least, 3, f);
        const { value } = await aggregate(enough, name, { f });
        expect(value.every(Number.isFinite)).equal(true);
      }
    });
  }

  it('after bucketing has made them fewer', async () => {
    const chain = pipeline(bucketing({ s: 3, seed: 1 }), trimmedMean({ f: 2 }));
    await expectRefusal(() => aggregate(updates, chain), 'TOO_FEW_UPDATES');
    await aggregate(updates, pipeline(bucketing({ s: 3, seed: 1 }), trimmedMean({ f: 1 })));
  });

  it('for nnm and arc', async () => {
    await expectRefusal(() => aggregate(updates, pipeline(nnm({ f: 12 }), median())), 'TOO_FEW_UPDATES');
    await expectRefusal(() => aggregate(updates, pipeline(arc({ f: 12 }), median())), 'TOO_FEW_UPDATES');
  });
});

describe('aggregate refuses parameters', () => {
  const badBounds = [-1, 0.5, NaN, Infinity, '2', null, undefined, 2n, [2], true];

  for (const { name } of bounded) {
    it(`of ${name}: an f that is missing or no whole number ≥ 0`, async () => {
      for (const f of badBounds) {
        await expectRefusal(() => aggregate(updates, factoryOf(name)(wrong({ f }))), 'INVALID_PARAMETER');
        await expectRefusal(() => aggregate(updates, name, wrong({ f })), 'INVALID_PARAMETER');
      }
      await expectRefusal(() => aggregate(updates, factoryOf(name)(wrong({}))), 'INVALID_PARAMETER');
      await expectRefusal(() => aggregate(updates, factoryOf(name)(wrong(undefined))), 'INVALID_PARAMETER');
      await expectRefusal(() => aggregate(updates, name, wrong({})), 'INVALID_PARAMETER');
      await expectRefusal(() => aggregate(updates, wrong(name)), 'INVALID_PARAMETER');
    });
  }

  for (const name of ['nnm', 'arc'] as const) {
    it(`of ${name}: an f that is missing or no whole number ≥ 0`, async () => {
      for (const f of badBounds) {
        const make = () => pipeline(preaggregators[name](wrong({ f })), median());
        await expectRefusal(() => aggregate(updates, make()), 'INVALID_PARAMETER');
      }
      const make = () => pipeline(preaggregators[name](wrong({ F: 1, f: 1 })), median());
      await expectRefusal(() => aggregate(updates, make()), 'UNKNOWN_PARAMETER');
    });
  }

  for (const name of Object.keys(rules) as (keyof typeof rules)[]) {
    it(`of ${name}: one that it does not have`, async () => {
      const needed = sampleParameters(rules[name], 1);
      for (const [misspelled, value] of Object.entries({
        F: 3,
        byzantine: 1,
        Tau: 1,
        neighbor: 3,
        ff: undefined,
      })) {
        const parameters = { ...needed, [misspelled]: value };
        const byFactory = () => aggregate(updates, rules[name](wrong(parameters)));
        const error = await expectRefusal(byFactory, 'UNKNOWN_PARAMETER');
        expect(error.message).include(misspelled);
        await expectRefusal(() => aggregate(updates, name, wrong(parameters)), 'UNKNOWN_PARAMETER');
      }
      // {F: 3} alone is a misspelling before it is a missing f.
      await expectRefusal(() => aggregate(updates, name, wrong({ F: 3 })), 'UNKNOWN_PARAMETER');
    });
  }

  const out: Readonly<Record<string, () => unknown>> = {
    'krum without neighbors': () => krum({ f: 1, neighbors: 0 }),
    'krum with more neighbors than other rows': () => krum({ f: 1, neighbors: 12 }),
    'krum with half a neighbor': () => krum({ f: 1, neighbors: 1.5 }),
    'multiKrum of no row': () => multiKrum({ f: 1, m: 0 }),
    'multiKrum of more rows than there are': () => multiKrum({ f: 1, m: 13 }),
    'monna with a pivot that is no row': () => monna({ f: 1, pivot: 12 }),
    'monna with a pivot before the first row': () => monna({ f: 1, pivot: -1 }),
    'monna with half a pivot': () => monna({ f: 1, pivot: 0.5 }),
    'geometricMedian with a tolerance of NaN': () => geometricMedian({ tolerance: NaN }),
    'geometricMedian with a negative tolerance': () => geometricMedian({ tolerance: -1e-9 }),
    'geometricMedian without iterations': () => geometricMedian({ maxIterations: 0 }),
    'centeredClipping without tau': () => centeredClipping(wrong({})),
    'centeredClipping with tau 0': () => centeredClipping({ tau: 0 }),
    'centeredClipping with tau infinite': () => centeredClipping({ tau: Infinity }),
    'centeredClipping without iterations': () => centeredClipping({ tau: 1, iterations: 0 }),
    'centeredClipping with half an iteration': () => centeredClipping({ tau: 1, iterations: 2.5 }),
    'signVote with a step of NaN': () => signVote({ step: NaN }),
    'signVote with an infinite step': () => signVote({ step: Infinity }),
    'bucketing of 0': () => pipeline(bucketing({ s: 0, seed: 1 }), median()),
    'bucketing of 1.5': () => pipeline(bucketing({ s: 1.5, seed: 1 }), median()),
    'bucketing without a seed': () => pipeline(bucketing(wrong({ s: 2 })), median()),
    'bucketing with half a seed': () => pipeline(bucketing({ s: 2, seed: 0.5 }), median()),
    'bucketing with a negative seed': () => pipeline(bucketing({ s: 2, seed: -1 }), median()),
    'clipping to a negative length': () => pipeline(clipping({ c: -1 }), median()),
    'clipping to NaN': () => pipeline(clipping({ c: NaN }), median()),
    'clipping without a length': () => pipeline(clipping(wrong({})), median()),
    'mean with too few weights': () => mean({ weights: [1, 2] }),
    'mean with a negative weight': () => mean({ weights: updates.map((_, i) => (i === 4 ? -1 : 1)) }),
    'mean with a weight of NaN': () => mean({ weights: updates.map((_, i) => (i === 4 ? NaN : 1)) }),
    'mean with an infinite weight': () => mean({ weights: updates.map((_, i) => (i === 4 ? Infinity : 1)) }),
    'mean with weights that are no numbers': () => mean({ weights: wrong(updates.map(() => '1')) }),
  };
  for (const [what, make] of Object.entries(out)) {
    it(`that are out of range: ${what}`, async () => {
      await expectRefusal(() => aggregate(updates, wrong(make())), 'INVALID_PARAMETER');
    });
  }

  it('whose previous aggregate does not fit', async () => {
    const start = (previous: unknown) => () =>
      aggregate(updates, centeredClipping({ tau: 1, previous: wrong(previous) }));
    await expectRefusal(start(new Float32Array(4)), 'BAD_SHAPE');
    await expectRefusal(start([1, 2, 3, 4, 5]), 'INVALID_PARAMETER');
    await expectRefusal(start(Float32Array.of(1, 2, NaN, 4, 5)), 'INVALID_PARAMETER');
  });

  it('that weigh nothing', async () => {
    await expectRefusal(() => aggregate(updates, mean({ weights: updates.map(() => 0) })), 'ZERO_WEIGHT');
  });

  it('that are no object', async () => {
    for (const value of [3, 'f=3', null, [1], () => ({ f: 1 })]) {
      await expectRefusal(() => aggregate(updates, krum(wrong(value))), 'INVALID_PARAMETER');
      if (value !== null)
        await expectRefusal(() => aggregate(updates, median(wrong(value))), 'INVALID_PARAMETER');
      await expectRefusal(() => aggregate(updates, 'krum', wrong(value)), 'INVALID_PARAMETER');
    }
  });
});

describe('the factories', () => {
  it('take what is in range', async () => {
    for (const rule of [
      mean(),
      mean({ weights: updates.map((_, i) => i) }),
      mean({}),
      median(),
      median(wrong({})),
      trimmedMean({ f: 5 }),
      meamed({ f: 5 }),
      phocas({ f: 0 }),
      signVote({ step: 0.1 }),
      krum({ f: 1, neighbors: 11 }),
      multiKrum({ f: 1, m: 12 }),
      bulyan({ f: 2 }),
      mda({ f: 5 }),
      monna({ f: 5, pivot: 11 }),
      geometricMedian({ tolerance: 0, maxIterations: 1 }),
      centeredClipping({ tau: 1e-6, iterations: 1, previous: new Float32Array(5) }),
      cge({ f: 11 }),
      caf({ f: 5 }),
      smea({ f: 5 }),
    ]) {
      const { value } = await aggregate(updates, rule);
      expect(value.length).equal(5);
    }
  });
});
