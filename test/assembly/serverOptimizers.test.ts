import { expect } from 'chai';
import { type Bench, onCore } from '../support/core.js';
import { normalRows } from '../support/random.js';

/** A model, its change and its state; the kernels' formulas, each operation rounded to float32. */
interface Entry {
  readonly w: number;
  readonly x: number;
  readonly m: number;
  readonly v: number;
}
type Step = (entry: Entry) => { w: number; m: number; v: number };

const { fround } = Math;
const [ETA, BETA1, BETA2, TAU, CORRECTION1, CORRECTION2] = [0.03, 0.85, 0.97, 2e-3, 1.75, 9.25];
const [rate, keep1, gain1] = [fround(ETA * CORRECTION1), fround(BETA1), fround(1 - BETA1)];
const [keep2, gain2, tau] = [fround(BETA2), fround(1 - BETA2), fround(TAU)];

const adaptive =
  (variance: (v: number, square: number) => number, correction2: number): Step =>
  ({ w, x, m, v }) => {
    const nextM = fround(fround(keep1 * m) + fround(gain1 * x));
    const nextV = variance(v, fround(x * x));
    const root = fround(Math.sqrt(fround(fround(correction2) * nextV)));
    return { w: fround(w + fround(fround(rate * nextM) / fround(root + tau))), m: nextM, v: nextV };
  };

interface Kernel {
  readonly name: string;
  readonly state: readonly ('m' | 'v')[];
  readonly step: Step;
  readonly run: (
    bench: Bench,
    addresses: Readonly<Record<'w' | 'x' | 'm' | 'v', number>>,
    count: number,
  ) => number;
}

const kernels: Kernel[] = [
  {
    name: 'fedAvg',
    state: [],
    step: ({ w, x, m, v }) => ({ w: fround(w + fround(fround(ETA) * x)), m, v }),
    run: ({ core }, { w, x }, count) => core.fedAvg(w, x, count, ETA),
  },
  {
    name: 'fedAvgM',
    state: ['m'],
    step: ({ w, x, m, v }) => {
      const next = fround(fround(keep1 * m) + x);
      return { w: fround(w + fround(fround(ETA) * next)), m: next, v };
    },
    run: ({ core }, { w, x, m }, count) => core.fedAvgM(w, x, m, count, ETA, BETA1),
  },
  {
    name: 'fedAdagrad',
    state: ['m', 'v'],
    step: adaptive((v, square) => fround(v + square), 1),
    run: ({ core }, { w, x, m, v }, count) =>
      core.fedAdagrad(w, x, m, v, count, ETA, BETA1, TAU, CORRECTION1),
  },
  {
    name: 'fedAdam',
    state: ['m', 'v'],
    step: adaptive((v, square) => fround(fround(keep2 * v) + fround(gain2 * square)), CORRECTION2),
    run: ({ core }, { w, x, m, v }, count) =>
      core.fedAdam(w, x, m, v, count, ETA, BETA1, BETA2, TAU, CORRECTION1, CORRECTION2),
  },
  {
    name: 'fedYogi',
    state: ['m', 'v'],
    step: adaptive(
      (v, square) => fround(v - fround(gain2 * square) * Math.sign(fround(v - square))),
      CORRECTION2,
    ),
    run: ({ core }, { w, x, m, v }, count) =>
      core.fedYogi(w, x, m, v, count, ETA, BETA1, BETA2, TAU, CORRECTION1, CORRECTION2),
  },
];

const FULL = 3.4028234663852886e38;

for (const { name, state, step, run } of kernels) {
  const vectorsOf = (seed: number) => {
    const [w, x, m, v] = normalRows(4, 128, seed);
    // Some variances equal to the squared change, where Yogi's sign is 0, and some changes that are 0.
    return {
      w: w!,
      x: x!.map((value, k) => (k % 10 === 0 ? 0 : value)),
      m: m!,
      v: v!.map((value, k) => (k % 7 === 0 ? x![k]! ** 2 : value ** 2)),
    };
  };

  describe(name, () => {
    it('follows its formula to the last bit', async () => {
      for (let seed = 0; seed < 20; seed++) {
        const before = vectorsOf(seed);
        const expected = Array.from(before.w, (w, k) =>
          step({ w, x: before.x[k]!, m: before.m[k]!, v: before.v[k]! }),
        );
        await onCore((bench) => {
          const { w, x, m, v } = before;
          const addresses = { w: bench.place(w), x: bench.place(x), m: bench.place(m), v: bench.place(v) };
          expect(run(bench, addresses, 128)).equal(0);
          for (const part of ['w', 'm', 'v'] as const) {
            expect([...bench.f32(addresses[part], 128)], part).deep.equal(
              expected.map((entry) => entry[part]),
            );
          }
          expect(bench.f32(addresses.x, 128)).deep.equal(x);
        });
      }
    });

    it('leaves zeros zero, and what lies behind count alone', async () => {
      await onCore((bench) => {
        const vector = () => bench.place(Float32Array.from({ length: 48 }, (_, k) => (k < 32 ? 0 : 5)));
        const addresses = { w: vector(), x: vector(), m: vector(), v: vector() };
        expect(run(bench, addresses, 32)).equal(0);
        for (const address of Object.values(addresses)) {
          expect([...bench.f32(address, 48)]).deep.equal([
            ...new Array<number>(32).fill(0),
            ...new Array<number>(16).fill(5),
          ]);
        }
      });
    });

    it('reports NaN and infinities in any input, at any position', async () => {
      for (const part of ['w', 'x', ...state] as const) {
        for (const lie of [NaN, Infinity, -Infinity]) {
          for (const place of [0, 5, 10, 15, 31]) {
            const vectors = {
              w: new Float32Array(32),
              x: new Float32Array(32),
              m: new Float32Array(32),
              v: new Float32Array(32),
            };
            vectors[part][place] = lie;
            const { w, x, m, v } = vectors;
            const flag = await onCore((bench) =>
              run(bench, { w: bench.place(w), x: bench.place(x), m: bench.place(m), v: bench.place(v) }, 32),
            );
            expect(flag, `${lie} in ${part} at ${place}`).equal(1);
          }
        }
      }
    });

    it('reports results that overflow', async () => {
      const one = (value: number) => Float32Array.from({ length: 16 }, (_, k) => (k === 9 ? value : 0));
      const flag = await onCore((bench) =>
        run(
          bench,
          {
            w: bench.place(one(FULL)),
            x: bench.place(one(FULL)),
            m: bench.place(one(FULL)),
            v: bench.place(one(0)),
          },
          16,
        ),
      );
      expect(flag).equal(1);
    });

    if (state.includes('v')) {
      it('reports a negative variance, however small', async () => {
        const flag = await onCore((bench) => {
          const ones = () => bench.place(new Float32Array(16).fill(1));
          const v = bench.place(Float32Array.from({ length: 16 }, (_, k) => (k === 3 ? -1e-45 : 1)));
          return run(bench, { w: ones(), x: ones(), m: ones(), v }, 16);
        });
        expect(flag).equal(1);
      });
    }
  });
}
