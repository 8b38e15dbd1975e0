/**
 * Points known by their distances alone: what linear rules and pre-aggregators work with, in n × n float64.
 *
 * Every point is an affine combination of the rows and the origin, Σ w_i x_i + (1 − Σ w_i) · 0, and is written as
 * its weights w. For two of them, with a and b their weights over the rows *and the origin*, so that Σa = Σb = 1,
 *
 *   ‖Σ a_i x_i − Σ b_i x_i‖² = −½ (a − b)ᵀ D (a − b),    D_ij = ‖x_i − x_j‖²      (Schoenberg 1935)
 *
 * Far rows. This loses what matters where one row is very far away: D_ia, 1e60 say, is known to 7–16 digits, and
 * a combination in which x_a has the weight 1e−30 needs the digits after. So for combinations a far row x_a is
 * replaced, before D is measured, by one pulled towards a central row r, x̂_a = r + s (x_a − r) with s a power of
 * two, and is written as x_a = x̂_a / s + (1 − 1/s) r. Then all entries of D are of the same magnitude.
 */

/** A row that was pulled towards the centre by `scale`. */
export interface FarRow {
  readonly row: number;
  readonly scale: number;
}

/** Squared distances among the rows and, last, the origin: (rows + 1)² values, row-major, symmetric. */
export interface Measured {
  readonly rows: number;
  /** Between the rows themselves. */
  readonly direct: Float64Array;
  /** Between the rows, the far ones pulled; the same as `direct` if none is. */
  readonly pulled: Float64Array;
  readonly centre: number;
  readonly far: readonly FarRow[];
}

/** Below this share of its terms, a difference of large numbers is computed again from the differing weights. */
const CANCELLATION = 1e-8;

export class Geometry {
  /** Points that a rule works on. */
  readonly n: number;
  private readonly measured: Measured;
  /** The weights of each point over the rows; absent where the points are the first n rows. */
  private readonly points: readonly Float64Array[] | undefined;
  private readonly anchors: number;
  private basis: { coordinates: Float64Array[]; products: Float64Array[]; halves: Float64Array } | undefined;
  private matrix: Float64Array | undefined;

  /** @param anchors how many of the rows, the last ones, are points of reference rather than updates */
  constructor(measured: Measured, anchors = 0, points?: readonly Float64Array[]) {
    this.measured = measured;
    this.anchors = anchors;
    this.points = points;
    this.n = points ? points.length : measured.rows - anchors;
  }

  /** ‖p_i − p_j‖². */
  squaredDistance(i: number, j: number): number {
    if (!this.points) return this.measured.direct[i * (this.measured.rows + 1) + j];
    this.matrix ??= this.mappedDistances();
    return this.matrix[i * (this.n + 1) + j];
  }

  /** ‖p_i‖². */
  squaredNorm(i: number): number {
    if (!this.points) return this.measured.direct[i * (this.measured.rows + 1) + this.measured.rows];
    return this.squaredDistance(i, this.n);
  }

  /** These points' combinations: one new point for each vector of n weights; the origin takes up the rest to 1. */
  map(combinations: readonly Float64Array[]): Geometry {
    return new Geometry(
      this.measured,
      this.anchors,
      combinations.map((weights) => this.rowWeights(weights)),
    );
  }

  /** The weights over the rows of a combination of the n points and then, where weights are given for them, the anchors. */
  rowWeights(weights: Float64Array): Float64Array {
    const { points, n } = this;
    const total = new Float64Array(this.measured.rows);
    total.set(weights.subarray(n), this.measured.rows - this.anchors);
    if (!points) {
      total.set(weights.subarray(0, n));
      return total;
    }
    points.forEach((shares, k) => {
      const weight = weights[k];
      if (weight !== 0) shares.forEach((share, row) => (total[row] += weight * share));
    });
    return total;
  }

  /** Every point's squared distance to the point with these weights over the rows. */
  squaredDistancesTo(rowWeights: Float64Array): Float64Array {
    const { coordinates, halves } = this.combinationBasis();
    const target = this.coordinatesOf(rowWeights);
    const product = this.multiply(target);
    const half = dot(target, product) / 2;
    return Float64Array.from({ length: this.n }, (_, k) =>
      Math.max(0, dot(coordinates[k], product) - half - halves[k]),
    );
  }

  /** The squared distance between two combinations, by their weights over the rows. */
  squaredDistanceBetween(a: Float64Array, b: Float64Array): number {
    const [from, to] = [this.coordinatesOf(a), this.coordinatesOf(b)];
    return this.quadratic(from.map((value, k) => value - to[k]));
  }

  /** Weights over the pulled rows and the origin, which sum to 1. */
  private coordinatesOf(rowWeights: Float64Array): Float64Array {
    const { rows, centre, far } = this.measured;
    const coordinates = new Float64Array(rows + 1);
    coordinates.set(rowWeights);
    let sum = 0;
    for (const weight of rowWeights) sum += weight;
    coordinates[rows] = 1 - sum;
    for (const { row, scale } of far) {
      const weight = rowWeights[row];
      coordinates[row] = weight / scale;
      coordinates[centre] += weight - weight / scale;
    }
    return coordinates;
  }

  /** D · x, with the pulled rows' D. */
  private multiply(x: Float64Array): Float64Array {
    const { pulled } = this.measured;
    const size = x.length;
    const product = new Float64Array(size);
    for (let j = 0; j < size; j++) {
      const weight = x[j];
      if (weight === 0) continue;
      for (let i = 0, at = j * size; i < size; i++, at++) product[i] += weight * pulled[at];
    }
    return product;
  }

  /** −½ uᵀ D u, for Σu = 0. */
  private quadratic(u: Float64Array): number {
    return Math.max(0, -dot(u, this.multiply(u)) / 2);
  }

  /** Each point's coordinates P, D·P and ½ Pᵀ D P. */
  private combinationBasis() {
    this.basis ??= (() => {
      const { rows } = this.measured;
      const unit = (row: number) => Float64Array.from({ length: rows }, (_, i) => (i === row ? 1 : 0));
      const points = this.points ?? Array.from({ length: this.n }, (_, row) => unit(row));
      const coordinates = points.map((weights) => this.coordinatesOf(weights));
      const products = coordinates.map((point) => this.multiply(point));
      const halves = Float64Array.from(coordinates, (point, k) => dot(point, products[k]) / 2);
      return { coordinates, products, halves };
    })();
    return this.basis;
  }

  /** All distances among mapped points and the origin. */
  private mappedDistances(): Float64Array {
    const { rows } = this.measured;
    const { coordinates, products, halves } = this.combinationBasis();
    const size = this.n + 1;
    const matrix = new Float64Array(size * size);
    const set = (i: number, j: number, value: number) =>
      (matrix[i * size + j] = matrix[j * size + i] = value);
    for (let i = 0; i < this.n; i++) {
      for (let j = i + 1; j < this.n; j++) {
        const cross = dot(coordinates[i], products[j]);
        set(i, j, this.difference(cross, halves[i], halves[j], coordinates[i], coordinates[j]));
      }
      const origin = new Float64Array(rows + 1);
      origin[rows] = 1;
      set(i, this.n, this.difference(products[i][rows], halves[i], 0, coordinates[i], origin));
    }
    return matrix;
  }

  private difference(
    cross: number,
    half: number,
    otherHalf: number,
    a: Float64Array,
    b: Float64Array,
  ): number {
    const distance = cross - half - otherHalf;
    if (distance > CANCELLATION * (Math.abs(cross) + Math.abs(half) + Math.abs(otherHalf))) return distance;
    return this.quadratic(a.map((value, k) => value - b[k]));
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
