import { expect } from 'chai';
import { aggregate, geometricMedian } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { agreesWithReference } from '../support/sweep.js';
import { normalRows, random, rowsOf, unequalRows } from '../support/random.js';
import { unmatchedSum } from '../support/medianCertificate.js';

const vectors = (...rows: number[][]): Float32Array[] => rows.map((row) => Float32Array.from(row));
const times = (rows: readonly Float32Array[], factor: number): Float32Array[] =>
  rows.map((row) => row.map((entry) => entry * factor));

/** The value, after the check that no point has a smaller sum of distances, beyond float32's rounding. */
async function optimum(updates: readonly Float32Array[], label = ''): Promise<Float32Array> {
  const { value, report } = await aggregate([...updates], geometricMedian());
  expect(report.converged, label).equal(true);
  expect(report.gap, label).within(0, 2 ** -22);
  expect(unmatchedSum(updates, value), label).lessThan(1e-6);
  return value;
}

const aroundOne = vectors([1, 1.01], [1.02, 0.99], [0.98, 1], [1.01, 1.02], [0, 0]);

describe('geometricMedian', () => {
  agreesWithReference({ stages: () => [['geometric-median', {}]], relative: 1e-5 });

  it('finds the optimum at every scale', async () => {
    for (let exponent = -30; exponent <= 30; exponent++) {
      const updates = times(aroundOne, 10 ** exponent);
      const value = await optimum(updates, `1e${exponent}`);
      expect(value[0]! / 10 ** exponent, `1e${exponent}`).within(0.9, 1.1);
    }
  });

  it('scales with the updates by powers of two, to the bit', async () => {
    for (const updates of [aroundOne, unequalRows(9, 70, 3), unequalRows(6, 2, 4)]) {
      const plain = await optimum(updates);
      for (let power = -96; power <= 96; power += 8) {
        const value = await optimum(times(updates, 2 ** power), `2^${power}`);
        expect([...value], `2^${power}`).deep.equal([...plain.map((entry) => entry * 2 ** power)]);
      }
    }
  });

  it('is not held by an update that lies where the iteration might start', async () => {
    for (const scale of [1e-30, 1e-6, 1, 1e4, 1e12, 1e30]) {
      const honest = times(unequalRows(6, 3, 5), scale);
      const mean = honest[0]!.map((_, k) => honest.reduce((sum, row) => sum + row[k]! / honest.length, 0));
      const median = mean.map((_, k) => honest.map((row) => row[k]!).sort((a, b) => a - b)[2]!);
      const alone = await optimum(honest);
      const step = (await aggregate(honest, geometricMedian({ maxIterations: 1 }))).value;
      for (const [where, lie] of Object.entries({
        mean,
        median,
        row: honest[3]!,
        zero: mean.map(() => 0),
        alone,
        step,
      })) {
        await optimum([...honest, lie], `${scale}, ${where}`);
        await optimum([lie, ...honest], `${scale}, ${where}`);
      }
    }
  });

  it('is the middle of updates in line, of an even number the midpoint', async () => {
    for (const d of [1, 3, 5000]) {
      const along = (entry: number) => new Float32Array(d).fill(entry);
      for (const scale of [1, 2 ** -60, 2 ** 60]) {
        const line = (...entries: number[]) => entries.map((entry) => along(entry * scale));
        expect([...(await optimum(line(3, 9, 1)))]).deep.equal([...along(3 * scale)]);
        expect([...(await optimum(line(1, 9)))]).deep.equal([...along(5 * scale)]);
        expect([...(await optimum(line(11, 2, 4, 1)))]).deep.equal([...along(3 * scale)]);
        expect([...(await optimum(line(7, 1, 7, 2, 2, 30)))]).deep.equal([...along(4.5 * scale)]);
      }
    }
  });

  it('is the place of half of the updates or more', async () => {
    expect([...(await optimum(vectors([1, 2], [1, 2], [1, 2], [1e38, 5], [-4, 1e30])))]).deep.equal([1, 2]);
    expect([...(await optimum(vectors([1, 2], [8, 3], [1, 2], [4, 9])))]).deep.equal([1, 2]);
    for (const n of [1, 2, 7, 30]) {
      const equal = rowsOf(n, 33, (_, k) => Math.fround(Math.sin(k)));
      expectClose(await optimum(equal), equal[0]!, 2e-7, `${n}`);
    }
    expect([...(await optimum(rowsOf(4, 5, () => 0)))]).deep.equal([0, 0, 0, 0, 0]);
  });

  it('is the one update that the others pull in every direction', async () => {
    const updates = vectors([0, 5], [3, 1], [4, -3], [-4, -3], [0.125, 0.25]);
    expect([...(await optimum(updates))]).deep.equal([0.125, 0.25]);
  });

  it('converges in few dimensions, next to an update, and along a strip', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { whole } = random(seed);
      const updates = normalRows(whole(3, 12), whole(1, 4), seed);
      await optimum(updates, `seed ${seed}`);
      await optimum(
        updates.map((row) => row.map((entry, k) => (k === 0 ? entry : entry * 1e-4))),
        `strip ${seed}`,
      );
      const near = updates.map((row, i) =>
        i % 2 === 0 ? row : updates[0]!.map((entry, k) => entry + row[k]! * 1e-5),
      );
      await optimum(near, `near ${seed}`);
    }
  });

  it('finds a tiny spread far from the origin, and among far outliers', async () => {
    const { uniform } = random(8);
    const spread = rowsOf(12, 9_000, () => 1e6 + Math.round(8 * (uniform() - 0.5)) / 4);
    await optimum(spread);
    const near = unequalRows(7, 40, 9);
    await optimum([...near, near[0]!.map(() => 1e38), near[0]!.map((_, k) => (k % 2 ? -1e38 : 1e36))]);
  });

  it('says when it ends before it has converged', async () => {
    const { value, report } = await aggregate(
      aroundOne,
      geometricMedian({ tolerance: 1e-12, maxIterations: 1 }),
    );
    expect(report.converged).equal(false);
    expect(report.gap).greaterThan(1e-12);
    expect(unmatchedSum(aroundOne, value)).lessThan(report.gap!);
  });

  it('returns the only row there is', async () => {
    const row = unequalRows(1, 33, 1)[0]!;
    expect([...(await aggregate([row], geometricMedian())).value]).deep.equal([...row]);
  });
});
