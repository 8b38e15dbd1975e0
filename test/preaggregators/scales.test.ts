import { expect } from 'chai';
import { expectClose } from '../support/close.js';
import { actual, expected, type Last, type Stages } from '../support/library.js';
import { normalRows } from '../support/random.js';

/** Norms and squares of these are beyond float32, or their factors are. */
const scales = [3e38, 1.3e38, 1e38, 1e30, 1e19, 1, 1e-19, 1e-30, 1e-38];
const lengths = [1e-38, 1e-30, 1e-3, 1, 10, 1e30, 1e39];

/** Rows whose largest magnitude is `scale`. */
function rowsAt(scale: number, d: number): Float32Array[] {
  const rows = normalRows(5, d, 7);
  const largest = Math.max(
    ...rows.map((row) => row.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0)),
  );
  return rows.map((row) => row.map((entry) => (entry / largest) * scale));
}

const lasts: readonly Last[] = [
  ['mean'],
  ['median'],
  ['trimmed-mean', { f: 1 }],
  ['sign-vote'],
  ['geometric-median', {}],
];

describe('norms beyond the range of float32', () => {
  for (const d of [1, 5, 70, 5000]) {
    it(`do not disturb clipping, arc or centered clipping: d = ${d}`, async () => {
      for (const scale of scales) {
        const rows = rowsAt(scale, d);
        const compare = async (...stages: Stages) => {
          const label = `${JSON.stringify(stages)} at ${scale}`;
          expectClose(await actual(rows, ...stages), expected(rows, ...stages), 5e-6, label);
        };
        for (const last of lasts) {
          for (const c of lengths) await compare(['clipping', { c }], last);
          await compare(['arc', { f: 1 }], last);
        }
        for (const tau of lengths) {
          for (const iterations of [1, 3]) await compare(['centered-clipping', { tau, iterations }]);
        }
      }
    });
  }

  it('clip what is too long for float32 to its length, beside what is short enough', async () => {
    const rows = [Float32Array.of(3.4e38, 0), Float32Array.of(0.25, 0), Float32Array.of(-3.4e38, 3.4e38)];
    const half = Math.SQRT1_2 / 1000;
    for (const last of [['mean'], ['median']] as const) {
      const value = await actual(rows, ['clipping', { c: 1e-3 }], last);
      const wanted = last[0] === 'mean' ? [(2e-3 - half) / 3, half / 3] : [1e-3, 0];
      expectClose(value, wanted, 1e-6, last[0]);
    }
    expect([...(await actual([rows[0]!], ['clipping', { c: 1e-39 }], ['mean']))][0]).closeTo(1e-39, 1e-44);
  });
});
