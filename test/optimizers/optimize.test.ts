import { expect } from 'chai';
import { createEngine } from '../../src/index.js';
import { fedAdam } from '../../src/optimizers/fedAdam.js';
import { fedAvg } from '../../src/optimizers/fedAvg.js';
import { fedAvgM } from '../../src/optimizers/fedAvgM.js';
import { optimize } from '../../src/optimizers/optimize.js';
import { optimizer, optimizers } from '../../src/optimizers/optimizersByName.js';
import type { OptimizerState, ServerOptimizer } from '../../src/optimizers/serverOptimizer.js';
import { expectClose } from '../support/close.js';
import { normalRows } from '../support/random.js';
import {
  type OptimizerName,
  type OptimizerParameters,
  optimizerStart,
  optimizerStep,
} from '../support/reference/optimizers.js';
import { expectRefusal } from '../support/refusal.js';

const engine = createEngine({ threads: 1 });

/** More than a tile, and not a multiple of the kernels' 16 columns. */
const d = 16_384 + 16_384 + 37;

const referenceName: Readonly<Record<string, OptimizerName>> = {
  'fed-avg': 'fedavg',
  'fed-avg-m': 'fedavgm',
  'fed-adagrad': 'fedadagrad',
  'fed-adam': 'fedadam',
  'fed-yogi': 'fedyogi',
};

const adaptive = { beta1: 0.8, beta2: 0.95, tau: 0.01 };
const cases: [name: string, parameters: OptimizerParameters][] = [
  ['fed-avg', {}],
  ['fed-avg', { eta: 0.3 }],
  ['fed-avg-m', {}],
  ['fed-avg-m', { eta: 0.5, beta: 0.5 }],
  ['fed-avg-m', { beta: 0 }],
  ['fed-adagrad', {}],
  ['fed-adagrad', { eta: 0.02, beta1: 0.8, tau: 0.01 }],
  ['fed-adagrad', { biasCorrection: true }],
  ['fed-adam', {}],
  ['fed-adam', { eta: 0.02, ...adaptive }],
  ['fed-adam', { biasCorrection: true }],
  ['fed-adam', { beta1: 0.9, beta2: 0.999, biasCorrection: true }],
  ['fed-yogi', {}],
  ['fed-yogi', { eta: 0.02, ...adaptive }],
  ['fed-yogi', { biasCorrection: true }],
];

/** For what the compiler would refuse. */
const wrong = (value: unknown): never => value as never;

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

interface Run {
  readonly model: Float32Array;
  readonly state: OptimizerState | undefined;
}

async function run(method: ServerOptimizer, start: Run, deltas: readonly Float32Array[]): Promise<Run> {
  let { model, state } = start;
  for (const delta of deltas) ({ model, state } = await optimize(model, delta, method, state, { engine }));
  return { model, state };
}

describe('optimize', () => {
  for (const [name, parameters] of cases) {
    it(`agrees with the float64 reference over 12 rounds: ${name} ${JSON.stringify(parameters)}`, async () => {
      const [start, ...targets] = normalRows(13, 300, 7);
      const method = optimizer(name, parameters);
      let expected = optimizerStart(Array.from(start!));
      let model = start!;
      let state: OptimizerState | undefined;
      for (const target of targets) {
        expected = optimizerStep(referenceName[name]!, expected, Array.from(target), parameters);
        const delta = target.map((entry, k) => entry - model[k]!);
        ({ model, state } = await optimize(model, delta, method, state, { engine }));
      }
      expectClose(model, expected.model, 3e-6, 'model');
      expect(state?.step).equal(12);
      const { momentum, variance } = state?.vectors ?? {};
      if (momentum) expectClose(momentum, expected.m, 3e-6, 'momentum');
      if (variance) expectClose(variance, expected.v, 3e-6, 'variance');
    });
  }

  it('keeps the state that the optimizer says it keeps', async () => {
    for (const { name, state } of optimizers()) {
      const [model, delta] = normalRows(2, 20, 1);
      const result = await optimize(model!, delta!, optimizer(name), undefined, { engine });
      expect(Object.keys(result.state.vectors)).deep.equal([...state]);
      for (const vector of Object.values(result.state.vectors)) expect(vector.length).equal(20);
    }
  });

  it('gives each entry the same bits, however long the model is', async () => {
    for (const { name } of optimizers()) {
      const deltas = normalRows(4, d, 3);
      const model = deltas.shift()!;
      const method = optimizer(name);
      const whole = await run(method, { model, state: undefined }, deltas);
      for (const [from, to] of [
        [0, 1],
        [5, 22],
        [16_380, 16_390],
        [32_768, d],
      ]) {
        const cut = (values: Float32Array) => values.slice(from, to);
        const part = await run(method, { model: cut(model), state: undefined }, deltas.map(cut));
        expect(bytesOf(part.model)).deep.equal(bytesOf(cut(whole.model)));
      }
    }
  });

  it('takes up a checkpoint to the last bit', async () => {
    for (const { name } of optimizers()) {
      const deltas = normalRows(7, 1000, 4);
      const model = deltas.shift()!;
      const method = optimizer(name);
      const undisturbed = await run(method, { model, state: undefined }, deltas);
      const half = structuredClone(await run(method, { model, state: undefined }, deltas.slice(0, 3)));
      const resumed = await run(optimizer(name), half, deltas.slice(3));
      expect(resumed).deep.equal(undisturbed);
    }
  });

  it('begins as if all of the state were zero', async () => {
    for (const { name, state } of optimizers()) {
      const [model, delta] = normalRows(2, 50, 5);
      const vectors = Object.fromEntries(state.map((vector) => [vector, new Float32Array(50)]));
      const given = await optimize(model!, delta!, optimizer(name), { step: 0, vectors }, { engine });
      expect(given).deep.equal(await optimize(model!, delta!, optimizer(name), undefined, { engine }));
    }
  });

  it('writes to nothing that it was given, and shares no memory with it', async () => {
    for (const { name } of optimizers()) {
      const [model, delta] = normalRows(2, 100, 6);
      const { state } = await optimize(model!, delta!, optimizer(name), undefined, { engine });
      const before = structuredClone({ model, delta, state });
      const result = await optimize(model!, delta!, optimizer(name), state, { engine });
      expect({ model, delta, state }).deep.equal(before);
      const buffers = [model, delta, ...Object.values(state.vectors)].map((vector) => vector!.buffer);
      for (const vector of [result.model, ...Object.values(result.state.vectors)]) {
        expect(buffers).not.include(vector.buffer);
      }
    }
  });

  it('moves to the aggregate with fed-avg and eta 1', async () => {
    const [model, delta] = [Float32Array.of(1, 2, 4), Float32Array.of(2, -1, 0.5)];
    expect([...(await optimize(model, delta, fedAvg(), undefined, { engine })).model]).deep.equal([
      3, 1, 4.5,
    ]);
  });

  it('works in memory for four tiles, whatever the length of the model', async () => {
    const small = createEngine({ threads: 1, memoryLimitBytes: 2 ** 20 });
    const [model, delta] = normalRows(2, 500_000, 8);
    const { state } = await optimize(model!, delta!, fedAdam(), undefined, { engine: small });
    expect(state.step).equal(1);
    await small.dispose();
  });

  it('uses the default engine if none is named', async () => {
    const [model, delta] = normalRows(2, 30, 9);
    expect(await optimize(model!, delta!, fedAdam())).deep.equal(
      await optimize(model!, delta!, fedAdam(), undefined, { engine }),
    );
  });
});

describe('optimize refuses', () => {
  const [model, delta] = normalRows(2, d, 10);
  const momentum = new Float32Array(d);
  const variance = new Float32Array(d);
  const poisoned = (values: Float32Array, value: number, k: number) => values.with(k, value);

  it('what is not a Float32Array', async () => {
    for (const bad of [new Float64Array(3), [1, 2, 3], null, undefined, 3, new Int32Array(3)]) {
      await expectRefusal(() => optimize(wrong(bad), delta!, fedAvg()), 'BAD_TYPE');
      await expectRefusal(() => optimize(model!, wrong(bad), fedAvg()), 'BAD_TYPE');
      const state = { step: 1, vectors: { momentum: wrong(bad) } };
      await expectRefusal(() => optimize(model!, delta!, fedAvgM(), state), 'BAD_TYPE');
    }
  });

  it('vectors of other lengths, and of none', async () => {
    const [short] = normalRows(1, 5, 1);
    await expectRefusal(() => optimize(model!, short!, fedAvg()), 'BAD_SHAPE');
    await expectRefusal(
      () => optimize(model!, delta!, fedAvgM(), { step: 1, vectors: { momentum: short! } }),
      'BAD_SHAPE',
    );
    await expectRefusal(() => optimize(new Float32Array(0), new Float32Array(0), fedAvg()), 'EMPTY_INPUT');
  });

  it('the state of another optimizer', async () => {
    await expectRefusal(
      () => optimize(model!, delta!, fedAvg(), { step: 1, vectors: { momentum } }),
      'BAD_SHAPE',
    );
    const both = { step: 1, vectors: { momentum, variance } };
    await expectRefusal(() => optimize(model!, delta!, fedAvgM(), both), 'BAD_SHAPE');
    await expectRefusal(
      () => optimize(model!, delta!, fedAdam(), { step: 1, vectors: { momentum } }),
      'BAD_TYPE',
    );
  });

  it('a state that is none', async () => {
    for (const bad of [null, 3, 'momentum', [], { step: 1 }, { step: 1, vectors: 0 }]) {
      await expectRefusal(() => optimize(model!, delta!, fedAvg(), wrong(bad)), 'INVALID_PARAMETER');
    }
    for (const step of [-1, 0.5, NaN, Infinity, '1', undefined]) {
      await expectRefusal(
        () => optimize(model!, delta!, fedAvg(), { step: wrong(step), vectors: {} }),
        'INVALID_PARAMETER',
      );
    }
    const surplus = { step: 1, vectors: {}, extra: 1 };
    await expectRefusal(() => optimize(model!, delta!, fedAvg(), surplus), 'UNKNOWN_PARAMETER');
    const misspelt = { step: 1, vectors: { momentun: momentum } };
    await expectRefusal(() => optimize(model!, delta!, fedAvg(), wrong(misspelt)), 'UNKNOWN_PARAMETER');
  });

  it('NaN and infinities, naming where they are', async () => {
    const state = { step: 1, vectors: { momentum, variance } };
    for (const value of [NaN, Infinity, -Infinity]) {
      for (const index of [0, 16_383, 16_384, d - 1]) {
        const inputs: [what: string, () => Promise<unknown>][] = [
          ['model', () => optimize(poisoned(model!, value, index), delta!, fedAdam(), state)],
          ['delta', () => optimize(model!, poisoned(delta!, value, index), fedAdam(), state)],
          ...(['momentum', 'variance'] as const).map((what): [string, () => Promise<unknown>] => [
            what,
            () => {
              const vectors = { ...state.vectors, [what]: poisoned(momentum, value, index) };
              return optimize(model!, delta!, fedAdam(), { step: 1, vectors });
            },
          ]),
        ];
        for (const [what, work] of inputs) {
          const { details } = await expectRefusal(work, 'NON_FINITE');
          expect(details).deep.equal({ what, index });
        }
      }
    }
  });

  it('NaN even where an earlier tile overflows', async () => {
    const huge = poisoned(poisoned(model!, 3.4e38, 0), NaN, d - 1);
    await expectRefusal(() => optimize(huge, poisoned(delta!, 3.4e38, 0), fedAvg()), 'NON_FINITE');
  });

  it('a variance below zero', async () => {
    const vectors = { momentum, variance: poisoned(variance, -1e-30, 20_000) };
    const { details } = await expectRefusal(
      () => optimize(model!, delta!, fedAdam(), { step: 1, vectors }),
      'INVALID_PARAMETER',
    );
    expect(details.index).equal(20_000);
  });

  it('results that overflow', async () => {
    const large = Float32Array.of(3e38);
    await expectRefusal(() => optimize(large, large, fedAvg()), 'NON_FINITE_RESULT');
    // Its square does not fit in the variance.
    await expectRefusal(
      () => optimize(Float32Array.of(0), Float32Array.of(1e20), fedAdam()),
      'NON_FINITE_RESULT',
    );
  });

  it('what is not an optimizer, and options that do not exist', async () => {
    for (const bad of [null, undefined, 'fed-adam', {}, () => 0, fedAdam]) {
      await expectRefusal(() => optimize(model!, delta!, wrong(bad)), 'BAD_TYPE');
    }
    await expectRefusal(
      () => optimize(model!, delta!, fedAvg(), undefined, wrong({ thread: 1 })),
      'UNKNOWN_PARAMETER',
    );
  });

  it('work once the engine is disposed of', async () => {
    const gone = createEngine({ threads: 1 });
    await gone.dispose();
    await expectRefusal(
      () => optimize(model!, delta!, fedAvg(), undefined, { engine: gone }),
      'ENGINE_DISPOSED',
    );
  });

  it('and leaves the engine as it was', async () => {
    const own = createEngine({ threads: 1 });
    const free = () => own.exclusive(({ arena }) => arena.largestFreeBytes);
    const before = await free();
    const bad = poisoned(model!, NaN, 5);
    await expectRefusal(() => optimize(bad, delta!, fedAdam(), undefined, { engine: own }), 'NON_FINITE');
    await optimize(model!, delta!, fedAdam(), undefined, { engine: own });
    expect(await free()).equal(before);
    await own.dispose();
  });
});
