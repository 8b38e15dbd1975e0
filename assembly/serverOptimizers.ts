/**
 * Server optimizers: apply the change Δ to the model, in place.
 *
 *   model, delta          count f32; delta = aggregate − model
 *   momentum, variance    count f32: the optimizer's state, all zeros before the first round
 *
 * `count` is a multiple of 16 (rows are padded with zeros, which stay zeros); the vectors must not overlap.
 * Parameters are passed in float64 and rounded once, after 1 − β, so that no precision is lost there. Everything else is
 * float32, in the order in which the formulas are written: the same bits on every host.
 *
 * Each returns 0 if everything it wrote is finite (then everything it read was, too) and no variance was negative,
 * otherwise 1. In that case the caller determines the reason, and must discard the output.
 *
 * Time O(count), bound by memory. Source: Reddi et al. 2021 (arXiv:2003.00295); FedAvgM: Hsu et al. 2019
 * (arXiv:1909.06335). Departures: variance starts at zero, not at τ² or above; Adam's bias corrections are optional
 * factors of momentum and variance, 1 by default.
 */

/** x − x is +0 for a finite x, otherwise NaN. Momentum needs no check: if it is not finite, neither is w. */
@inline
function unlessFinite(x: v128): v128 {
  return f32x4.sub(x, x);
}

@inline
function constant(parameter: f64): v128 {
  return f32x4.splat(<f32>parameter);
}

/** w ← w + η·Δ, four entries. Like the others, it returns `found`, with bits set if a result is not finite. */
@inline
function average(model: usize, delta: usize, rate: v128, found: v128): v128 {
  const w = f32x4.add(v128.load(model), f32x4.mul(rate, v128.load(delta)));
  v128.store(model, w);
  return v128.or(found, unlessFinite(w));
}

export function fedAvg(model: usize, delta: usize, count: i32, eta: f64): i32 {
  const rate = constant(eta);
  let found = i32x4.splat(0);
  for (const end = model + ((<usize>count) << 2); model < end; model += 64, delta += 64) {
    found = average(model, delta, rate, found);
    found = average(model + 16, delta + 16, rate, found);
    found = average(model + 32, delta + 32, rate, found);
    found = average(model + 48, delta + 48, rate, found);
  }
  return <i32>v128.any_true(found);
}

/** m ← β·m + Δ, w ← w + η·m, four entries. */
@inline
function push(model: usize, delta: usize, momentum: usize, rate: v128, keep: v128, found: v128): v128 {
  const m = f32x4.add(f32x4.mul(keep, v128.load(momentum)), v128.load(delta));
  const w = f32x4.add(v128.load(model), f32x4.mul(rate, m));
  v128.store(momentum, m);
  v128.store(model, w);
  return v128.or(found, unlessFinite(w));
}

export function fedAvgM(model: usize, delta: usize, momentum: usize, count: i32, eta: f64, beta: f64): i32 {
  const rate = constant(eta);
  const keep = constant(beta);
  let found = i32x4.splat(0);
  for (const end = model + ((<usize>count) << 2); model < end; model += 64, delta += 64, momentum += 64) {
    found = push(model, delta, momentum, rate, keep, found);
    found = push(model + 16, delta + 16, momentum + 16, rate, keep, found);
    found = push(model + 32, delta + 32, momentum + 32, rate, keep, found);
    found = push(model + 48, delta + 48, momentum + 48, rate, keep, found);
  }
  return <i32>v128.any_true(found);
}

/** v ← v + Δ² */
const SUM = 0;
/** v ← β₂·v + (1 − β₂)·Δ² */
const AVERAGE = 1;
/** v ← v − (1 − β₂)·Δ²·sign(v − Δ²) */
const BOUNDED_STEP = 2;

/** m ← β₁·m + (1 − β₁)·Δ, v by `kind`, w ← w + η·c₁·m / (√(c₂·v) + τ) */
@inline
function adaptive(
  kind: i32,
  model: usize,
  delta: usize,
  momentum: usize,
  variance: usize,
  count: i32,
  eta: f64,
  beta1: f64,
  beta2: f64,
  tau: f64,
  momentumCorrection: f64,
  varianceCorrection: f64,
): i32 {
  const rate = constant(eta * momentumCorrection);
  const keep1 = constant(beta1);
  const gain1 = constant(1 - beta1);
  const keep2 = constant(beta2);
  const gain2 = constant(1 - beta2);
  const floor = constant(tau);
  const scale = constant(varianceCorrection);
  const zero = f32x4.splat(0);
  let found = i32x4.splat(0);

  for (let k: usize = 0, end = (<usize>count) << 2; k < end; k += 16) {
    const change = v128.load(delta + k);
    const square = f32x4.mul(change, change);
    const m = f32x4.add(f32x4.mul(keep1, v128.load(momentum + k)), f32x4.mul(gain1, change));

    const before = v128.load(variance + k);
    let v = before;
    if (kind == SUM) {
      v = f32x4.add(before, square);
    } else if (kind == AVERAGE) {
      v = f32x4.add(f32x4.mul(keep2, before), f32x4.mul(gain2, square));
    } else {
      const difference = f32x4.sub(before, square);
      const sign = v128.and(difference, i32x4.splat(0x80000000));
      const step = v128.and(f32x4.mul(gain2, square), f32x4.ne(difference, zero));
      v = f32x4.sub(before, v128.xor(step, sign));
    }

    const root = f32x4.sqrt(f32x4.mul(scale, v));
    const w = f32x4.add(v128.load(model + k), f32x4.div(f32x4.mul(rate, m), f32x4.add(root, floor)));
    v128.store(momentum + k, m);
    v128.store(variance + k, v);
    v128.store(model + k, w);
    const bad = v128.or(unlessFinite(w), unlessFinite(v));
    found = v128.or(found, v128.or(bad, f32x4.lt(before, zero)));
  }
  return <i32>v128.any_true(found);
}

export function fedAdagrad(
  model: usize,
  delta: usize,
  momentum: usize,
  variance: usize,
  count: i32,
  eta: f64,
  beta1: f64,
  tau: f64,
  momentumCorrection: f64,
): i32 {
  // prettier-ignore
  return adaptive(SUM, model, delta, momentum, variance, count, eta, beta1, 0, tau, momentumCorrection, 1);
}

export function fedAdam(
  model: usize,
  delta: usize,
  momentum: usize,
  variance: usize,
  count: i32,
  eta: f64,
  beta1: f64,
  beta2: f64,
  tau: f64,
  momentumCorrection: f64,
  varianceCorrection: f64,
): i32 {
  // prettier-ignore
  return adaptive(AVERAGE, model, delta, momentum, variance, count, eta, beta1, beta2, tau, momentumCorrection, varianceCorrection);
}

export function fedYogi(
  model: usize,
  delta: usize,
  momentum: usize,
  variance: usize,
  count: i32,
  eta: f64,
  beta1: f64,
  beta2: f64,
  tau: f64,
  momentumCorrection: f64,
  varianceCorrection: f64,
): i32 {
  // prettier-ignore
  return adaptive(BOUNDED_STEP, model, delta, momentum, variance, count, eta, beta1, beta2, tau, momentumCorrection, varianceCorrection);
}
