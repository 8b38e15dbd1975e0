import { expect } from 'chai';
import { aggregate, createEngine, krum, mean, median, QuorateError, trimmedMean } from '../../src/index.js';
import { normalRows } from '../support/random.js';

const bytes = (value: Float32Array) =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');

describe('an engine', () => {
  it('queues calls made at once, and lets none disturb another', async () => {
    const engine = createEngine({ threads: 2 });
    const rounds = Array.from({ length: 12 }, (_, i) => ({
      updates: normalRows(7 + (i % 3), 20_000 + i, i),
      rule: [median(), trimmedMean({ f: 2 }), krum({ f: 2 }), mean()][i % 4]!,
    }));
    const alone = [];
    for (const { updates, rule } of rounds)
      alone.push(bytes((await aggregate(updates, rule, { engine })).value));
    const atOnce = await Promise.all(rounds.map(({ updates, rule }) => aggregate(updates, rule, { engine })));
    expect(atOnce.map(({ value }) => bytes(value))).deep.equal(alone);
    await engine.dispose();
  });

  it('works beside others, each on its own memory', async () => {
    const engines = [
      createEngine({ threads: 2 }),
      createEngine({ threads: 1 }),
      createEngine({ threads: 3 }),
    ];
    const updates = normalRows(9, 70_000, 1);
    const values = await Promise.all(engines.map((engine) => aggregate(updates, median(), { engine })));
    expect(new Set(values.map(({ report }) => report.resultDigest)).size).equal(1);
    for (const engine of engines) await engine.dispose();
  });

  it('goes on after a call that failed', async () => {
    const engine = createEngine({ threads: 2 });
    const spoilt = normalRows(5, 40_000, 2).map((row, i) => (i === 3 ? row.with(39_999, NaN) : row));
    const [failed, fine] = await Promise.allSettled([
      aggregate(spoilt, median(), { engine }),
      aggregate(normalRows(5, 40_000, 2), median(), { engine }),
    ]);
    expect(failed).property('reason').instanceOf(QuorateError).property('code', 'NON_FINITE');
    expect(fine.status).equal('fulfilled');
    await engine.dispose();
  });

  it('gives back all memory that a call took', async () => {
    const engine = createEngine({ threads: 2, memoryLimitBytes: 2 ** 24 });
    const free = () => engine.exclusive(({ arena }) => arena.largestFreeBytes);
    const before = await free();
    const updates = normalRows(12, 30_000, 3);
    for (const rule of [mean(), median(), krum({ f: 2 })]) await aggregate(updates, rule, { engine });
    await aggregate([...updates, updates[0]!.with(1, Infinity)], median(), { engine }).catch(() => undefined);
    expect(await free()).equal(before);
    await engine.dispose();
  });

  it('writes into a row of its own memory, and returns that', async () => {
    const engine = createEngine();
    const [inputs, output] = [engine.batch(5, 1024), engine.batch(1, 1024)];
    const updates = normalRows(5, 1024, 4);
    updates.forEach((row, i) => {
      inputs.row(i).set(row);
    });
    const into = output.row(0);
    const { value } = await aggregate(inputs, median(), { into });
    expect(value).equal(into);
    expect(bytes(Float32Array.from(into))).equal(bytes((await aggregate(updates, median())).value));
    await engine.dispose();
  });

  it('aggregates more than the 4 GiB that WebAssembly can address', async () => {
    const [n, d] = [66, 2 ** 24 + 5];
    expect(n * d * 4).above(2 ** 32);
    const period = 65_521;
    const pattern = normalRows(1, period, 5)[0]!;
    const source = {
      n,
      d,
      read(row: number, column: number, into: Float32Array) {
        for (let at = 0; at < into.length;) {
          const from = (131 * row + column + at) % period;
          const part = pattern.subarray(from, from + Math.min(period - from, into.length - at));
          into.set(part, at);
          at += part.length;
        }
      },
    };
    const engine = createEngine({ threads: 2, memoryLimitBytes: 2 ** 26 });
    const { value } = await aggregate(source, mean(), { engine, report: 'brief' });
    for (const column of [0, 1, 8191, 8192, 2 ** 20 + 7, 2 ** 24, d - 1]) {
      let sum = 0;
      for (let row = 0; row < n; row++) sum += pattern[(131 * row + column) % period]!;
      expect(value[column]).closeTo(sum / n, 1e-6);
    }
    await engine.dispose();
  });
});
