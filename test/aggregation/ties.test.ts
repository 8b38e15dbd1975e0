import { expect } from 'chai';
import { aggregate } from '../../src/index.js';
import { catalog } from '../support/catalog.js';
import { expectClose } from '../support/close.js';
import { build, preaggregators, type Stages } from '../support/library.js';
import { normalRows, random, rowsOf, unequalRows } from '../support/random.js';
import { isBounded, sampleParameters } from '../support/samples.js';

/** Rows that tie on purpose: equal norms, equal distances, equal scores, equal rows. */
const tied: Readonly<Record<string, (n: number, seed: number) => Float32Array[]>> = {
  'corners of a cube': (n, seed) => {
    const { whole } = random(seed);
    return rowsOf(n, 4, () => 2 * whole(0, 1) - 1);
  },
  'opposite pairs': (n, seed) => {
    const half = normalRows(Math.ceil(n / 2), 5, seed);
    return Array.from({ length: n }, (_, i) => half[i >> 1]!.map((entry) => (i % 2 ? -entry : entry)));
  },
  'permuted columns': (n, seed) => {
    const row = normalRows(1, n, seed)[0]!;
    return Array.from({ length: n }, (_, i) => row.map((_entry, k) => row[(k + i) % n]!));
  },
  'every row twice': (n, seed) => {
    const half = unequalRows(Math.ceil(n / 2), 6, seed);
    return Array.from({ length: n }, (_, i) => half[i % half.length]!.slice());
  },
  'unit vectors': (n) => rowsOf(n, n, (i, k) => (i === k ? 1 : 0)),
  'points on a line': (n) => rowsOf(n, 1, (i) => i - n / 2),
  'equal rows': (n) => rowsOf(n, 3, (_, k) => k),
};

const afterEach: Readonly<Record<string, (n: number, f: number) => Stages>> = Object.fromEntries(
  Object.entries(preaggregators)
    .filter(([name]) => name !== 'bucketing')
    .flatMap(([name, factory]) =>
      (['krum', 'median', 'cge'] as const).map((last) => [
        `${name} > ${last}`,
        (_: number, f: number): Stages => [
          [name as 'nnm', isBounded(factory) ? { f } : sampleParameters(factory, f)],
          last === 'median' ? [last] : [last, { f }],
        ],
      ]),
    ),
);

const all: Readonly<Record<string, (n: number, f: number) => Stages>> = {
  ...Object.fromEntries(Object.entries(catalog).map(([name, { stages }]) => [name, stages])),
  ...afterEach,
};

/** The row's words in a report, apart from its place. */
const facts = ({ used, weight, norm, distance, suspicion }: Record<string, unknown>) =>
  [used, weight, norm, distance, suspicion].map((value) =>
    typeof value === 'number' ? value.toFixed(4) : value,
  );

describe('the order of the rows', () => {
  for (const [name, stages] of Object.entries(all)) {
    if (name.startsWith('bucketing') || name === 'monna') continue; // their seed, and their pivot, name places
    it(`decides nothing in ${name}, where rows tie`, async () => {
      for (const [kind, make] of Object.entries(tied)) {
        for (const [n, f] of [
          [7, 1],
          [11, 2],
        ] as const) {
          const rows = make(n, 3 * n + f);
          const rule = build(...stages(n, f));
          const first = await aggregate(rows, rule);
          for (let seed = 1; seed <= 4; seed++) {
            const { uniform } = random(seed);
            const order = rows.map((_, i) => ({ i, at: uniform() })).sort((a, b) => a.at - b.at);
            const turned = await aggregate(
              order.map(({ i }) => rows[i]!),
              rule,
            );
            const label = `${kind}, n = ${n}, seed ${seed}`;
            const size = Math.max(...rows.map((row) => Math.hypot(...row)));
            expectClose([...turned.value, size], [...first.value, size], 1e-6, label);
            // Of equal rows, which can't be told apart, any may be chosen.
            const words = (report: typeof first.report) =>
              report.rows.map((row) => JSON.stringify([row.digest, ...facts({ ...row })])).sort();
            expect(words(turned.report), label).deep.equal(words(first.report));
          }
        }
      }
    });
  }

  it('decides nothing in monna but for its pivot', async () => {
    const rows = tied['corners of a cube']!(9, 4);
    const { value } = await aggregate(rows, build(['monna', { f: 2, pivot: 3 }]));
    const turned = [...rows].reverse();
    expectClose((await aggregate(turned, build(['monna', { f: 2, pivot: 5 }]))).value, value, 1e-6);
  });
});
