/** Server optimizers after Reddi et al. 2021 (arXiv:2003.00295), one round a call, everything in float64. */
import type { Vector } from './vectors.js';

export type OptimizerName = 'fedavg' | 'fedavgm' | 'fedadagrad' | 'fedadam' | 'fedyogi';

export interface OptimizerParameters {
  readonly eta?: number;
  readonly beta?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly tau?: number;
  readonly biasCorrection?: boolean;
}

export interface OptimizerState {
  readonly model: readonly number[];
  readonly m: readonly number[];
  readonly v: readonly number[];
  readonly round: number;
}

export const optimizerStart = (model: Vector): OptimizerState => ({
  model: [...model],
  m: model.map(() => 0),
  v: model.map(() => 0),
  round: 0,
});

/** How the second moment takes in a squared change. */
const secondMoment = {
  fedadagrad: (v: number, square: number) => v + square,
  fedadam: (v: number, square: number, beta2: number) => beta2 * v + (1 - beta2) * square,
  fedyogi: (v: number, square: number, beta2: number) => v - (1 - beta2) * square * Math.sign(v - square),
};

export function optimizerStep(
  name: OptimizerName,
  state: OptimizerState,
  aggregate: Vector,
  parameters: OptimizerParameters = {},
): OptimizerState {
  const round = state.round + 1;
  const change = aggregate.map((entry, k) => entry - state.model[k]!);
  if (name === 'fedavg' || name === 'fedavgm') {
    const { eta = 1, beta = 0.9 } = parameters;
    const m = change.map((delta, k) => (name === 'fedavg' ? 0 : beta) * state.m[k]! + delta);
    return { model: state.model.map((entry, k) => entry + eta * m[k]!), m, v: state.v, round };
  }
  const { beta1 = 0.9, beta2 = 0.99, tau = 1e-3, biasCorrection = false } = parameters;
  const eta = parameters.eta ?? (name === 'fedyogi' ? 0.01 : 0.1);
  const m = change.map((delta, k) => beta1 * state.m[k]! + (1 - beta1) * delta);
  const v = change.map((delta, k) => secondMoment[name](state.v[k]!, delta * delta, beta2));
  const firstScale = biasCorrection ? 1 / (1 - beta1 ** round) : 1;
  // Adagrad's sum of squares is no moving average: there is nothing to correct.
  const secondScale = biasCorrection && name !== 'fedadagrad' ? 1 / (1 - beta2 ** round) : 1;
  const model = state.model.map(
    (entry, k) => entry + (eta * m[k]! * firstScale) / (Math.sqrt(v[k]! * secondScale) + tau),
  );
  return { model, m, v, round };
}
