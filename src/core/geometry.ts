/**
 * Points that are known only by their distances: what linear rules and pre-aggregators work with, in n × n float64.
 *
 * Every point is a linear combination of the rows, Σ w_i x_i, and is written as its weights w. With D_ij = ‖x_i − x_j‖²
 * and N_i = ‖x_i‖², the squared distance of two points with weights a and b is, for u = a − b,
 *
 *   ‖Σ u_i x_i‖² = (Σ u_i) (Σ u_i N_i) − ½ uᵀ D u
 *
 * (Schoenberg 1935, with the origin as one more point). If both weights sum to 1 the first term vanishes, and with it
 * the errors that a large common mean of the rows would cause.
 *
 * Outlier rows. The formula loses precision if one row is very far away: D_ia, 1e60 for example, is known to 7–16
 * digits, and a combination in which x_a has the weight 1e−30 needs the digits after those. So in combinations an outlier
 * row x_a is replaced by one pulled toward a central row r, x̂_a = r + s (x_a − r) with s a power of two, and written as
 * x_a = x̂_a / s + (1 − 1/s) r. Then all entries of D have the same magnitude. (They are measured on s (x_a − r) and
 * x_i − r; with a large r the sum x̂_a would be rounded.)
 */

/** A row that is pulled toward the center by the factor `scale`. */
export interface OutlierRow {
  readonly row: number;
  readonly scale: number;
}

/** Squared distances among the rows and, last, the origin: (rows + 1)² values, row-major, symmetric. */
export interface Measured {
  readonly rows: number;
  /** Between the rows themselves. */
  readonly direct: Float64Array;
  /** Between the rows, with outlier rows pulled. The same array as `direct` if there are none. */
  readonly pulled: Float64Array;
  readonly center: number;
  readonly far: readonly OutlierRow[];
  /** Relative error of a squared distance. */
  readonly precision: number;
}

/** A point, prepared for measuring its distance to others. */
interface Place {
  /** Weights over the rows, with outlier rows pulled. */
  readonly coordinates: Float64Array;
  /** D · coordinates. */
  readonly product: Float64Array;
  /** ½ coordinatesᵀ D coordinates. */
  readonly half: number;
  /** Σ of the weights over the rows themselves. */
  readonly sum: number;
  /** Σ coordinates_i N_i. */
  readonly norms: number;
}

/** If a distance is below this share of its terms, it is computed again from the difference of the weights. */
const CANCELLATION = 1e-8;

/** A set of points, each a combination of the measured rows. */
export class Geometry {
  /** Number of points. */
  readonly n: number;
  private readonly measured: Measured;
  /** The weights of each point over the rows. Absent if the points are the first n rows. */
  private readonly points: readonly Float64Array[] | undefined;
  private readonly anchors: number;
  private places: readonly Place[] | undefined;
  private matrix: Float64Array | undefined;

  /** @param anchors number of rows, the last ones, that are reference points rather than updates */
  constructor(measured: Measured, anchors = 0, points?: readonly Float64Array[]) {
    this.measured = measured;
    this.anchors = anchors;
    this.points = points;
    this.n = points ? points.length : measured.rows - anchors;
  }

  /** Relative error of a squared distance. */
  get precision(): number {
    return this.measured.precision;
  }

  /** ‖p_i − p_j‖². */
  squaredDistance(i: number, j: number): number {
    if (!this.points) return this.measured.direct[i * (this.measured.rows + 1) + j]!;
    this.matrix ??= this.mappedDistances();
    return this.matrix[i * (this.n + 1) + j]!;
  }

  /** ‖p_i‖². */
  squaredNorm(i: number): number {
    if (!this.points) return this.measured.direct[i * (this.measured.rows + 1) + this.measured.rows]!;
    return this.squaredDistance(i, this.n);
  }

  /** Combinations of these points: one new point for each vector of n weights. */
  map(combinations: readonly Float64Array[]): Geometry {
    return new Geometry(
      this.measured,
      this.anchors,
      combinations.map((weights) => this.rowWeights(weights)),
    );
  }

  /** The weights over the rows of a combination of the n points and, if further weights are given, of the anchors. */
  rowWeights(weights: Float64Array): Float64Array {
    const { points, n } = this;
    const total = new Float64Array(this.measured.rows);
    total.set(weights.subarray(n), this.measured.rows - this.anchors);
    if (!points) {
      total.set(weights.subarray(0, n));
      return total;
    }
    points.forEach((shares, k) => {
      const weight = weights[k]!;
      if (weight !== 0) shares.forEach((share, row) => (total[row]! += weight * share));
    });
    return total;
  }

  /** Every point's squared distance to the point with these weights over the rows. */
  squaredDistancesTo(rowWeights: Float64Array): Float64Array {
    const target = this.place(rowWeights);
    return Float64Array.from(this.pointPlaces(), (point) => this.squaredDistanceOf(point, target));
  }

  /** The squared distance between two combinations, by their weights over the rows. */
  squaredDistanceBetween(a: Float64Array, b: Float64Array): number {
    return this.squaredDistanceOf(this.place(a), this.place(b));
  }

  /** ⟨p_i − p_b, p_j − p_b⟩ of all pairs, around the base p_b: n × n. */
  productsAround(base: number): Float64Array {
    const { n } = this;
    const products = new Float64Array(n * n);
    const direct = !this.points && this.measured.far.length === 0;
    const between = direct ? this.directProduct(base) : this.combinedProduct(base);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) products[i * n + j] = products[j * n + i] = between(i, j);
    }
    return products;
  }

  private directProduct(base: number) {
    return (i: number, j: number): number =>
      (this.squaredDistance(i, base) + this.squaredDistance(j, base) - this.squaredDistance(i, j)) / 2;
  }

  private combinedProduct(base: number) {
    const places = this.pointPlaces();
    const origin = places[base]!;
    const offsets = places.map(({ coordinates }) =>
      coordinates.map((value, k) => value - origin.coordinates[k]!),
    );
    const multiplied = places.map(({ product }) => product.map((value, k) => value - origin.product[k]!));
    const sums = places.map(({ sum }) => sum - origin.sum);
    const norms = places.map(({ norms }) => norms - origin.norms);
    return (i: number, j: number): number =>
      (sums[i]! * norms[j]! + sums[j]! * norms[i]! - dot(offsets[i]!, multiplied[j]!)) / 2;
  }

  private place(rowWeights: Float64Array): Place {
    const { rows, pulled, center, far } = this.measured;
    const coordinates = Float64Array.from(rowWeights);
    for (const { row, scale } of far) {
      const weight = rowWeights[row]!;
      coordinates[row] = weight / scale;
      coordinates[center]! += weight - weight / scale;
    }
    const product = new Float64Array(rows);
    let norms = 0;
    for (let j = 0; j < rows; j++) {
      const weight = coordinates[j]!;
      if (weight === 0) continue;
      const from = j * (rows + 1);
      for (let i = 0; i < rows; i++) product[i]! += weight * pulled[from + i]!;
      norms += weight * pulled[from + rows]!;
    }
    const sum = rowWeights.reduce((total, weight) => total + weight, 0);
    return { coordinates, product, half: dot(coordinates, product) / 2, sum, norms };
  }

  private squaredDistanceOf(a: Place, b: Place): number {
    const cross = dot(a.coordinates, b.product);
    const shift = (a.sum - b.sum) * (a.norms - b.norms);
    const distance = cross - a.half - b.half + shift;
    const terms = Math.abs(cross) + Math.abs(a.half) + Math.abs(b.half) + Math.abs(shift);
    if (distance > CANCELLATION * terms) return distance;
    const u = a.coordinates.map((value, k) => value - b.coordinates[k]!);
    return Math.max(0, shift - dot(u, this.multiply(u)) / 2);
  }

  /** D · u, over the rows. */
  private multiply(u: Float64Array): Float64Array {
    const { rows, pulled } = this.measured;
    return u.map((_, i) => dot(u, pulled.subarray(i * (rows + 1), i * (rows + 1) + rows)));
  }

  private pointPlaces(): readonly Place[] {
    this.places ??= Array.from({ length: this.n }, (_, k) => this.place(this.rowWeights(unit(this.n, k))));
    return this.places;
  }

  /** All distances among mapped points and, last, the origin. */
  private mappedDistances(): Float64Array {
    const places = [...this.pointPlaces(), this.place(new Float64Array(this.measured.rows))];
    const size = places.length;
    const matrix = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = i + 1; j < size; j++) {
        matrix[i * size + j] = matrix[j * size + i] = this.squaredDistanceOf(places[i]!, places[j]!);
      }
    }
    return matrix;
  }
}

const unit = (n: number, k: number) => {
  const weights = new Float64Array(n);
  weights[k] = 1;
  return weights;
};

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
