/**
 * The shapes and the data on which every rule is held against the reference. Shapes sit on both sides of every
 * boundary that a kernel may have: vector width, tile, chunk, the sizes at which a sorting method changes.
 */
import { expect } from 'chai';
import { actual, expected, title, type Stages } from './library.js';
import { expectClose } from './close.js';
import { attacked, closeRows, lies, normalRows, random, rowsOf, unequalRows } from './random.js';

const everyN = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 16, 17, 31, 32, 33, 47, 48, 64, 100, 129, 257, 300];
const everyD = [
  1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 128, 1000, 1024, 1025, 16383, 16384, 16385, 20000,
];

/** The data. Each is made from (n, d, seed). */
export const kinds = {
  'unequal rows': unequalRows,
  'values of 1e30': (n, d, seed) => scaledRows(unequalRows(n, d, seed), 1e30),
  'values of 1e-30': (n, d, seed) => scaledRows(unequalRows(n, d, seed), 1e-30),
  denormals: (n, d, seed) => scaledRows(unequalRows(n, d, seed), 1e-40),
  'nearly equal rows': closeRows,
  'small whole numbers, full of ties': (n, d, seed) => {
    const { whole } = random(seed);
    return rowsOf(n, d, () => whole(-2, 2));
  },
  'the same rows twice': (n, d, seed) => {
    const half = unequalRows(Math.ceil(n / 2), d, seed);
    return Array.from({ length: n }, (_, i) => half[i % half.length]!.slice());
  },
  'columns of one value': (n, d, seed) => {
    const row = normalRows(1, d, seed)[0]!;
    return rowsOf(n, d, (_, k) => row[k]!);
  },
  zeros: (n, d) => rowsOf(n, d, () => 0),
} satisfies Record<string, (n: number, d: number, seed: number) => Float32Array[]>;

export type Kind = keyof typeof kinds;

const scaledRows = (rows: Float32Array[], factor: number): Float32Array[] =>
  rows.map((row) => row.map((entry) => entry * factor));

export interface Sweep {
  /** The stages for this many rows, of which f may lie; undefined where they do not exist for this (n, f). */
  readonly stages: (n: number, f: number) => Stages | undefined;
  /** The largest n that the reference manages. */
  readonly maxRows?: number;
  /** Allowed error, of the largest expected entry. */
  readonly relative?: number;
  /** The same for rows that nearly coincide, of whose spread it should be a small part. */
  readonly relativeIfClose?: number;
  /** The numbers of rows that every number of columns is tried with. */
  readonly rowsOfWide?: readonly number[];
  readonly without?: readonly Kind[];
  /** False for a rule that attackers may pull anywhere. */
  readonly robust?: boolean;
}

/** Declares the tests of one rule or pipeline against the reference. */
export function agreesWithReference(sweep: Sweep): void {
  const {
    stages,
    maxRows = 300,
    relative = 2e-6,
    relativeIfClose = 3e-7,
    rowsOfWide = [11],
    without = [],
    robust = true,
  } = sweep;
  /** If f changes nothing, one f will do. */
  const takesBound = title(stages(15, 1) ?? []) !== title(stages(15, 2) ?? []);
  let compared = 0;
  beforeEach(() => void (compared = 0));
  const compare = async (kind: Kind, n: number, d: number, f: number): Promise<void> => {
    const chosen = stages(n, f);
    if (!chosen) return;
    compared++;
    const updates = kinds[kind](n, d, 1000 * n + d + f);
    const label = `${kind}, n = ${n}, d = ${d}, f = ${f}`;
    const allowed = kind === 'nearly equal rows' ? relativeIfClose : relative;
    expectClose(await actual(updates, ...chosen), expected(updates, ...chosen), allowed, label);
  };

  it('agrees with the float64 reference for every number of rows', async () => {
    for (const n of everyN.filter((count) => count <= maxRows)) {
      const most = Math.floor((n - 1) / 2);
      // More than one tile of staged columns where sorting changes its method.
      const d = n > 100 ? 300 : n % 2 === 0 ? 37 : 5;
      for (const f of new Set([0, Math.min(1, most), Math.floor(n / 5), Math.floor((n - 3) / 4), most])) {
        if (f === 0 || (f > 0 && takesBound)) await compare('unequal rows', n, d, f);
      }
    }
    expect(compared, 'comparisons').greaterThan(0);
  });

  it('agrees with the float64 reference for every number of columns', async () => {
    for (const n of rowsOfWide) {
      // The reference takes its time to sort many long columns.
      for (const d of n > 20 ? everyD.filter((columns) => columns < 2000 || columns === 16385) : everyD) {
        await compare('unequal rows', n, d, 2);
      }
    }
    expect(compared, 'comparisons').greaterThan(0);
  });

  for (const kind of Object.keys(kinds).filter((name): name is Kind => name !== 'unequal rows')) {
    if (without.includes(kind)) continue;
    it(`agrees with the float64 reference on ${kind}`, async () => {
      for (const n of [5, 8, 11, 24, 60]) {
        if (n > maxRows) continue;
        await compare(kind, n, 67, 1);
        await compare(kind, n, 67, Math.floor((n - 3) / 4));
      }
      expect(compared, 'comparisons').greaterThan(0);
    });
  }

  if (!robust) return;
  for (const [lie, entry] of Object.entries(lies)) {
    it(`agrees with the float64 reference among attackers that send ${lie}`, async () => {
      for (const make of without.includes('nearly equal rows') ? [unequalRows] : [unequalRows, closeRows]) {
        for (const [n, f] of [
          [7, 1],
          [11, 2],
          [24, 5],
          [60, 12],
        ] as const) {
          const chosen = n <= maxRows ? stages(n, f) : undefined;
          if (!chosen) continue;
          compared++;
          for (const where of ['first', 'last'] as const) {
            const updates = attacked(make(n, 35, n + f), f, entry, where);
            const label = `${make.name}, n = ${n}, f = ${f}, ${where}`;
            const allowed = make === closeRows ? relativeIfClose : relative;
            expectClose(await actual(updates, ...chosen), expected(updates, ...chosen), allowed, label);
          }
        }
      }
      expect(compared, 'comparisons').greaterThan(0);
    });
  }
}
