/**
 * The sum of distances Σ ‖x_i − z‖ and its subgradient, at points z = x_p + Σ v_i (x_i − x_p), from inner products around
 * a base point x_p. Everything is measured from x_p: close to it, as where a minimum nearly coincides with an update, no
 * digits cancel.
 */

/** Differences from the base that are at most this share of the middle one count as none. */
const COINCIDENT = 2 ** -40;
/** If a squared distance is below this share of its terms, it is computed again from the difference of the coordinates. */
const CANCELLATION = 1e-8;

/** A point z ≠ x_p, with what the iteration needs to know of it. */
export interface Place {
  /** v, one for each other point. */
  readonly coordinates: Float64Array;
  /** ‖x_i − z‖ of the other points. */
  readonly distances: Float64Array;
  /** ‖x_p − z‖. */
  readonly fromBase: number;
  /** The sum of distances less that at x_p. */
  readonly rise: number;
  /** Σ 1 / ‖x_i − z‖, over all. */
  readonly pull: number;
  /** Descent: the coordinates of Σ (x_i − z) / ‖x_i − z‖, its products with the others, its length. */
  readonly descent: Float64Array;
  readonly descentProducts: Float64Array;
  readonly slope: number;
  /** ⟨x_i − x_p, z − x_p⟩, and ‖z − x_p‖². */
  readonly products: Float64Array;
  readonly square: number;
}

/** The middle one; of an even number, the lower of the two. */
export function middle(values: Float64Array): number {
  return values.length === 0 ? 0 : Float64Array.from(values).sort()[(values.length - 1) >> 1]!;
}

/** The part of the least sum of distances by which a point with this residual slope may exceed it; n points in all. */
export const relativeGap = (slope: number, n: number): number => (2 * slope) / (n + slope);

export class MedianObjective {
  /** The indices of the points that coincide with the base, and of the others. */
  readonly here: readonly number[];
  readonly others: readonly number[];
  /** ⟨x_i − x_p, x_j − x_p⟩ of the others, and ‖x_i − x_p‖. */
  readonly gram: Float64Array;
  readonly lengths: Float64Array;
  private readonly floor: number;

  /** @param products n × n, around the base */
  constructor(products: Float64Array, n: number) {
    const all = Float64Array.from({ length: n }, (_, i) => Math.sqrt(Math.max(0, products[i * n + i]!)));
    const least = COINCIDENT * middle(all);
    const indices = Array.from(all, (_, i) => i);
    this.here = indices.filter((i) => all[i]! <= least);
    this.others = indices.filter((i) => all[i]! > least);
    const { others } = this;
    const size = others.length;
    this.lengths = Float64Array.from(others, (i) => all[i]!);
    this.gram = new Float64Array(size * size);
    others.forEach((i, a) => {
      others.forEach((j, b) => (this.gram[a * size + b] = products[i * n + j]!));
    });
    this.floor = 2 ** -60 * middle(this.lengths);
  }

  /** The coordinates of Σ (x_i − x_p) / ‖x_i − x_p‖ over the others, and its length. */
  atBase(): { direction: Float64Array; length: number } {
    const direction = this.lengths.map((length) => 1 / length);
    return { direction, length: Math.sqrt(Math.max(0, dot(direction, this.multiply(direction)))) };
  }

  at(coordinates: Float64Array): Place {
    const { gram, lengths, floor } = this;
    const size = lengths.length;
    const products = this.multiply(coordinates);
    const square = Math.max(0, dot(coordinates, products));
    const fromBase = Math.max(floor, Math.sqrt(square));
    const distances = new Float64Array(size);
    let rise = this.here.length * fromBase;
    let pull = this.here.length / fromBase;
    for (let i = 0; i < size; i++) {
      const own = gram[i * size + i]!;
      let squared = own - 2 * products[i]! + square;
      if (squared <= CANCELLATION * (own + 2 * Math.abs(products[i]!) + square)) {
        const away = coordinates.map((value, k) => (k === i ? value - 1 : value));
        squared = dot(away, this.multiply(away));
      }
      const distance = Math.max(floor, Math.sqrt(Math.max(0, squared)));
      distances[i] = distance;
      rise += (square - 2 * products[i]!) / (distance + lengths[i]!);
      pull += 1 / distance;
    }
    const descent = coordinates.map((value, i) => 1 / distances[i]! - pull * value);
    const descentProducts = this.multiply(descent);
    const slope = Math.sqrt(Math.max(0, dot(descent, descentProducts)));
    return {
      coordinates,
      distances,
      fromBase,
      rise,
      pull,
      descent,
      descentProducts,
      slope,
      products,
      square,
    };
  }

  private multiply(vector: Float64Array): Float64Array {
    const { gram } = this;
    const size = vector.length;
    const result = new Float64Array(size);
    for (let j = 0; j < size; j++) {
      const factor = vector[j]!;
      if (factor === 0) continue;
      const from = j * size;
      for (let i = 0; i < size; i++) result[i]! += factor * gram[from + i]!;
    }
    return result;
  }
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
