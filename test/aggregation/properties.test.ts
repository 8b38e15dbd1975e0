import { expect } from 'chai';
import fc from 'fast-check';
import { QuorateError } from '../../src/errors.js';
import { aggregate, createEngine } from '../../src/index.js';
import { catalog, type Entry } from '../support/catalog.js';
import { expectClose } from '../support/close.js';
import { actual, build } from '../support/library.js';
import { attacked, largestFloat, normalRows, random, rowsOf, unequalRows } from '../support/random.js';

/** A fixed seed: the same cases on every machine. */
const runs = (numRuns: number) => ({ seed: 20_260_101, numRuns });

/** n rows for this f, at most ten more than the rule needs, of up to 40 columns. */
const shape = ({ least }: Entry) =>
  fc
    .tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(1e6),
    )
    .map(([f, more, d, seed]) => ({ f, n: least(f) + more, d, seed }));

const bytes = (row: Float32Array): string =>
  Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('hex');

/** Entries that are multiples of 2⁻¹⁰ below 8, so that moving them by small whole numbers is exact. */
const coarse = (rows: Float32Array[]): Float32Array[] =>
  rows.map((row) => row.map((entry) => Math.max(-8, Math.min(8, Math.floor(entry * 1024) / 1024))));

describe('aggregate', () => {
  for (const [name, entry] of Object.entries(catalog)) {
    describe(`with ${name}`, () => {
      it('never writes to its inputs', async () => {
        const updates = attacked(unequalRows(11, 67, 5), 1, () => 1e30, 'last');
        const before = updates.map(bytes);
        await aggregate(updates, build(...entry.stages(11, 1)));
        expect(updates.map(bytes)).deep.equal(before);
      });

      it('gives the same bits every time', async () => {
        const updates = unequalRows(11, 1031, 6);
        const values = [1, 2, 3].map(() => actual(updates, ...entry.stages(11, 1)));
        expect(new Set((await Promise.all(values)).map(bytes)).size).equal(1);
      });

      if (entry.symmetric) {
        it('does not depend on the order of the rows', async () => {
          const check = async ({ n, f, d, seed }: { n: number; f: number; d: number; seed: number }) => {
            const updates = unequalRows(n, d, seed);
            const turn = 1 + random(seed).whole(0, n - 1);
            const turned = [...updates.slice(turn), ...updates.slice(0, turn)].reverse();
            const stages = entry.stages(n, f);
            expectClose(await actual(turned, ...stages), await actual(updates, ...stages), 1e-5);
          };
          await fc.assert(fc.asyncProperty(shape(entry), check), runs(40));
        });
      }

      if (entry.translates) {
        it('moves with the rows', async () => {
          const check = async ({ n, f, d, seed }: { n: number; f: number; d: number; seed: number }) => {
            const updates = coarse(unequalRows(n, d, seed));
            const { whole } = random(seed + 1);
            const way = Array.from({ length: d }, () => whole(-64, 64));
            const moved = updates.map((row) => row.map((value, k) => value + way[k]!));
            const stages = entry.stages(n, f);
            const plain = await actual(updates, ...stages);
            const wanted = Array.from(plain, (value, k) => value + way[k]!);
            // The tolerance refers to the size of the moved rows, which 64 stands for.
            expectClose([...(await actual(moved, ...stages)), 64], [...wanted, 64], 1e-6);
          };
          await fc.assert(fc.asyncProperty(shape(entry), check), runs(40));
        });
      }

      it(entry.vote ? 'does not depend on the scale' : 'scales with the rows', async () => {
        const factors = fc.constantFrom(2 ** -20, 0.5, 2, 2 ** 30, 0.3, 7, 1234.5, 1e-6);
        const property = fc.asyncProperty(shape(entry), factors, async ({ n, f, d, seed }, factor) => {
          const updates = unequalRows(n, d, seed);
          const larger = updates.map((row) => row.map((value) => value * factor));
          const plain = await actual(updates, ...entry.stages(n, f));
          const wanted = entry.vote ? plain : plain.map((value) => value * factor);
          const value = await actual(larger, ...(entry.scaled?.(n, f, factor) ?? entry.stages(n, f)));
          // A power of two changes exponents only, so that not one bit of the significands may differ.
          const relative = Number.isInteger(Math.log2(factor)) && !entry.scaled ? 0 : 1e-5;
          expectClose(value, wanted, relative, `factor ${factor}`);
        });
        await fc.assert(property, runs(40));
      });

      if (entry.robust) {
        it('has a finite value whatever finite numbers f rows hold', async () => {
          const extreme = fc.constantFrom(largestFloat, -largestFloat, 1e38, -1e20, 1e-45, 0, 1e6);
          const property = fc.asyncProperty(
            shape(entry),
            fc.array(extreme, { minLength: 1, maxLength: 5 }),
            async ({ n, f, d, seed }, pool) => {
              const lie = (i: number, k: number): number => pool[(i + k) % pool.length]!;
              const updates = attacked(unequalRows(n, d, seed), f, lie, 'last');
              const value = await actual(updates, ...entry.stages(n, f));
              // No rule here lets f rows pull the value farther than a few times the honest rows' spread.
              const hint = `${f} of ${n} rows move it too far; if it needs more rows, set least in test/support/catalog.ts`;
              for (const number of value) expect(Math.abs(number), hint).lessThan(1e3);
            },
          );
          await fc.assert(property, runs(40));
        });
      } else {
        it('has a finite value or says that there is none', async () => {
          const updates = rowsOf(5, 9, (i, k) => ((i + k) % 3 === 0 ? largestFloat : -1e38));
          try {
            const value = await actual(updates, ...entry.stages(5, 1));
            expect(value.every(Number.isFinite)).equal(true);
          } catch (error) {
            expect(error).instanceOf(QuorateError).property('code', 'NON_FINITE_RESULT');
          }
        });
      }

      it('treats excluded rows as absent, lowering f by one for each', async () => {
        const property = fc.asyncProperty(
          shape(entry),
          fc.integer({ min: 1, max: 4 }),
          async ({ f, n: enough, d, seed }, bad) => {
            // As many rows as the rule needs for the f it is given, the bad ones among them.
            const n = enough + Math.max(0, entry.least(f + bad) - entry.least(f) - bad);
            const updates = unequalRows(n, d, seed);
            const spoilt = [...updates];
            const { whole } = random(seed);
            for (let i = 0; i < bad; i++) {
              const lie = [NaN, Infinity, -Infinity][i % 3]!;
              const at = whole(1, spoilt.length);
              spoilt.splice(at, 0, normalRows(1, d, i)[0]!.with(whole(0, d - 1), lie));
            }
            const { value, report } = await aggregate(spoilt, build(...entry.stages(n, f + bad)), {
              onNonFinite: 'exclude',
            });
            expect(bytes(value)).equal(bytes(await actual(updates, ...entry.stages(n, f))));
            const wrong = spoilt.flatMap((row, i) => (row.every(Number.isFinite) ? [] : [i]));
            expect(report.excluded).deep.equal(wrong);
          },
        );
        await fc.assert(property, runs(25));
      });
    });
  }

  it('lowers f to 0 and no further when it excludes rows', async () => {
    const updates = unequalRows(6, 9, 1);
    const spoilt = [...updates, ...rowsOf(3, 9, () => NaN)];
    const { value } = await aggregate(spoilt, build(['trimmed-mean', { f: 1 }]), { onNonFinite: 'exclude' });
    expect(bytes(value)).equal(bytes(await actual(updates, ['trimmed-mean', { f: 0 }])));
  });

  it('leaves the weights of excluded rows out of a mean', async () => {
    const updates = unequalRows(4, 9, 1);
    const spoilt = updates.toSpliced(1, 0, ...rowsOf(1, 9, () => Infinity));
    const rule = build(['mean', { weights: [1, 100, 2, 3, 4] }]);
    const { value } = await aggregate(spoilt, rule, { onNonFinite: 'exclude' });
    expect(bytes(value)).equal(bytes(await actual(updates, ['mean', { weights: [1, 2, 3, 4] }])));
  });
});

describe('the same bits', () => {
  for (const [n, d] of [
    [9, 1031],
    [20, 40_000],
  ] as const) {
    it(`come from arrays, a batch and a source of rows, however they are computed: ${n} × ${d}`, async () => {
      const updates = unequalRows(n, d, n);
      const source = {
        n,
        d,
        read: (row: number, column: number, into: Float32Array) =>
          into.set(updates[row]!.subarray(column, column + into.length)),
      };
      for (const options of [
        { threads: 1 },
        { threads: 2 },
        { threads: 1, compileNetworks: false },
        { threads: 2, memoryLimitBytes: 8 * 2 ** 20 },
      ]) {
        const engine = createEngine(options);
        try {
          const batch = engine.batch(n, d);
          updates.forEach((row, i) => batch.row(i).set(row));
          for (const [name, { stages }] of Object.entries(catalog)) {
            const rule = build(...stages(n, 1));
            const wanted = bytes((await aggregate(updates, rule)).value);
            for (const input of [updates, batch, source]) {
              const { value } = await aggregate(input, rule, { engine });
              expect(bytes(value), `${name}, ${JSON.stringify(options)}`).equal(wanted);
            }
          }
        } finally {
          await engine.dispose();
        }
      }
    });
  }

  it('come named where the updates are named', async () => {
    const updates = unequalRows(7, 30, 1);
    const named = updates.map((row) => ({ weight: row.slice(0, 24), bias: row.slice(24) }));
    const { value } = await aggregate(named, build(['trimmed-mean', { f: 2 }]));
    expect(value).to.have.all.keys('weight', 'bias');
    const flat = await actual(updates, ['trimmed-mean', { f: 2 }]);
    expect(bytes(Float32Array.of(...value.weight!, ...value.bias!))).equal(bytes(flat));
  });
});

describe('the honest range', () => {
  /** Honest entries, many of them equal, and lies on both sides. */
  const column = fc.integer({ min: 0, max: 3 }).chain((f) =>
    fc.record({
      f: fc.constant(f),
      honest: fc.oneof(
        fc.array(fc.float({ min: Math.fround(-1e30), max: Math.fround(1e30), noNaN: true }), {
          minLength: f + 1,
          maxLength: 40,
        }),
        fc
          .float({ noNaN: true, noDefaultInfinity: true })
          .chain((value) =>
            fc.integer({ min: f + 1, max: 40 }).map((count) => new Array<number>(count).fill(value)),
          ),
      ),
      lies: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: f, maxLength: f }),
    }),
  );

  for (const name of ['median', 'trimmed-mean'] as const) {
    it(`holds every coordinate of ${name}, without any tolerance`, async () => {
      const property = fc.asyncProperty(column, async ({ f, honest, lies }) => {
        const updates = [...honest, ...lies].map((entry) => Float32Array.of(entry));
        const value = (await actual(updates, name === 'median' ? [name] : [name, { f }]))[0];
        expect(value).within(Math.min(...honest), Math.max(...honest));
      });
      await fc.assert(property, runs(400));
    });
  }

  // These two average values that are no farther from the center than some honest one, which need not lie between
  // honest ones: of 0, 10, 10 and the lie 11, meamed keeps 10, 10, 11. They leave the range by its width at most.
  for (const name of ['meamed', 'phocas'] as const) {
    it(`is left by ${name} by no more than its own width`, async () => {
      const property = fc.asyncProperty(column, async ({ f, honest, lies }) => {
        const updates = [...honest, ...lies].map((entry) => Float32Array.of(entry));
        const value = (await actual(updates, [name, { f }]))[0];
        const [least, greatest] = [Math.min(...honest), Math.max(...honest)];
        expect(value).within(2 * least - greatest, 2 * greatest - least);
      });
      await fc.assert(property, runs(400));
    });
  }

  it('of signs decides a vote that f rows cannot tip', async () => {
    const updates = [3, 1, 2, -1e38, -1e38].map((entry) => Float32Array.of(entry));
    expect([...(await actual(updates, ['sign-vote']))]).deep.equal([1]);
  });
});
