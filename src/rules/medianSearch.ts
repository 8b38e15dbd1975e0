/**
 * Minimizes the sum of distances, exactly where the minimum is one of the points and otherwise until a dual point proves
 * how close it is.
 *
 * If the minimum is one of the points, that is the one with the least sum of distances to all. So this one is tested
 * first, by its subgradient (Vardi & Zhang 2000): it is the minimum if the unit vectors from it toward the n − m points
 * elsewhere have a sum no longer than the number m of points that coincide with it. Otherwise the iteration starts a step
 * down from it (Beck & Sabach 2015). From there the sum of distances only falls, so the iteration meets no other point, and no
 * update can hold it, wherever it lies.
 *
 * At z, the unit vectors toward the points, less their mean and scaled to a length of at most 1, are a feasible point of
 * the dual problem. Its value proves that the least sum of distances is at most 2s / (n + s) smaller, as a share, where s is
 * the length of their sum.
 */
import type { Cooperative } from '../core/cooperative.js';
import type { Geometry } from '../core/geometry.js';
import { dot, MedianObjective, type Place, relativeGap } from './medianObjective.js';
import { newtonStep } from './medianNewton.js';
import { everyPoint } from './nearest.js';
import type { Weighting } from './rule.js';

/** Newton's step is used up to this many points, which take a few milliseconds, and this many times. */
const NEWTON_POINTS = 512;
const NEWTON_STEPS = 100;
/** Sums of distances that differ by less than this many of the distances' errors count as equal. */
const SAME_SUM = 4;
/** Weiszfeld's step is kept while it shortens the slope to less than this share. */
const FAST = 0.25;

/** The sum of distances from every point, less that from the base: an outlier's large distances cancel exactly. */
function rises(products: Float64Array, n: number): Float64Array {
  const own = Float64Array.from({ length: n }, (_, i) => Math.max(0, products[i * n + i]!));
  return own.map((square, k) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const difference = square - 2 * products[k * n + i]!;
      const lengths = Math.sqrt(Math.max(0, own[i]! + difference)) + Math.sqrt(own[i]!);
      if (lengths > 0) sum += difference / lengths;
    }
    return sum;
  });
}

const indexOfLeast = (values: Float64Array): number =>
  values.reduce((least, value, i) => (value < values[least]! ? i : least), 0);

/** The point with the least sum of distances, and the products around it. */
function leastPoint(geometry: Geometry): Float64Array {
  const { n } = geometry;
  const sums = Float64Array.from(everyPoint(geometry), (k) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.sqrt(geometry.squaredDistance(k, i));
    return sum;
  });
  const first = indexOfLeast(sums);
  const products = geometry.productsAround(first);
  const least = indexOfLeast(rises(products, n));
  return least === first ? products : geometry.productsAround(least);
}

/**
 * The minimum at the base. If the points are in line and their middle is a whole segment, another point is a minimum too:
 * then the midpoint of the segment, as for a median.
 */
function minimumAtBase(
  products: Float64Array,
  { here, others, lengths }: MedianObjective,
  same: number,
): Float64Array {
  const n = here.length + others.length;
  const all = rises(products, n);
  const ends = others.filter((i, a) => all[i]! <= same * n * lengths[a]!);
  const weights = new Float64Array(n);
  if (ends.length === 0) {
    for (const i of here) weights[i] = 1 / here.length;
    return weights;
  }
  const squareOf = (i: number) => products[i * n + i]!;
  const farthest = ends.reduce((most, i) => (squareOf(i) > squareOf(most) ? i : most));
  const there = others.filter(
    (i) =>
      squareOf(i) + squareOf(farthest) - 2 * products[i * n + farthest]! <= 2 ** -80 * squareOf(farthest),
  );
  for (const i of here) weights[i] = 0.5 / here.length;
  for (const i of there) weights[i] = 0.5 / there.length;
  return weights;
}

/** Weiszfeld's step: the mean of the points, weighted by the inverse distances. */
const weiszfeld = ({ distances, pull }: Place): Float64Array =>
  distances.map((distance) => 1 / distance / pull);

/** Newton's step, shortened until the sum of distances falls or the slope does; undefined if neither happens. */
function* newton(objective: MedianObjective, place: Place): Cooperative<Place | undefined> {
  const step = yield* newtonStep(objective, place);
  const descent = dot(step, place.descentProducts);
  for (let length = 1; length > 0.01; length /= 3) {
    const next = objective.at(place.coordinates.map((value, i) => value + length * step[i]!));
    if (next.slope < place.slope / 2 && next.rise <= place.rise + Math.abs(place.rise) * 2 ** -40)
      return next;
    if (next.rise < place.rise - 0.1 * length * descent) return next;
  }
  return undefined;
}

function* descend(
  objective: MedianObjective,
  from: Float64Array,
  n: number,
  tolerance: number,
  maxIterations: number,
): Cooperative<Place> {
  let place = objective.at(from);
  let best = place;
  let slow = false;
  let newtonSteps = n <= NEWTON_POINTS ? NEWTON_STEPS : 0;
  for (let iteration = 1; iteration < maxIterations; iteration++) {
    if (relativeGap(best.slope, n) <= tolerance) break;
    yield;
    const before: Place = place;
    if (slow && newtonSteps-- > 0)
      place = (yield* newton(objective, before)) ?? objective.at(weiszfeld(before));
    else place = objective.at(weiszfeld(before));
    slow = place.slope > FAST * before.slope;
    if (place.slope < best.slope) best = place;
  }
  return best;
}

/**
 * The weights of the geometric median over the points.
 *
 * @param tolerance relative duality gap at which it ends; the distances' precision bounds it from below
 */
export function* searchMedian(
  geometry: Geometry,
  tolerance: number,
  maxIterations: number,
): Cooperative<Weighting> {
  const { n } = geometry;
  const least = Math.max(tolerance, geometry.precision);
  const products = leastPoint(geometry);
  const objective = new MedianObjective(products, n);
  const { here, others, lengths } = objective;
  const { direction, length } = objective.atBase();
  const atBase = relativeGap(Math.max(0, length - here.length), n);
  if (atBase <= least) {
    const proof = { converged: true, gap: atBase };
    return { weights: minimumAtBase(products, objective, SAME_SUM * geometry.precision), proof };
  }
  const pull = lengths.reduce((sum, distance) => sum + 1 / distance, 0);
  const step = (length - here.length) / pull / length;
  const place = yield* descend(
    objective,
    direction.map((value) => step * value),
    n,
    least,
    maxIterations,
  );
  const gap = relativeGap(place.slope, n);
  const weights = new Float64Array(n);
  weiszfeld(place).forEach((weight, i) => (weights[others[i]!] = weight));
  for (const i of here) weights[i] = 1 / place.fromBase / place.pull;
  return { weights, proof: { converged: gap <= least, gap } };
}
