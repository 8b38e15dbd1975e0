/**
 * The largest eigenvalue of a symmetric matrix, and its eigenvector, to full float64 accuracy.
 *
 * Householder's reduction to a tridiagonal matrix, bisection on Sturm sequences for the eigenvalue, inverse
 * iteration for the vector. There is no random start, and every host gives the same bits: it uses only + − × ÷ and sqrt.
 * Time O(n³), with 4/3 n³ multiplications.
 * Source: Golub & Van Loan, Matrix Computations (4th ed.), sections 8.3.1, 8.4.1, 8.4.2.
 */

/** An eigenvalue and its eigenvector. */
export interface Eigenpair {
  readonly value: number;
  /** Of length 1. Its sign is arbitrary but deterministic. */
  readonly vector: Float64Array;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** beside[i] couples i and i + 1. */
  readonly beside: Float64Array;
  /** Householder vectors: row k holds the one that cleared column k. */
  readonly reflectors: readonly (Float64Array | undefined)[];
}

/** Reduces a copy of the symmetric n × n matrix. */
function tridiagonalize(matrix: Float64Array, n: number): Tridiagonal {
  const a = Float64Array.from(matrix);
  const reflectors: (Float64Array | undefined)[] = [];
  for (let k = 0; k + 2 < n; k++) {
    let squares = 0;
    for (let i = k + 2; i < n; i++) squares += a[i * n + k]! * a[i * n + k]!;
    if (squares === 0) {
      reflectors.push(undefined);
      continue;
    }
    const head = a[(k + 1) * n + k]!;
    const length = Math.sqrt(squares + head * head);
    const v = new Float64Array(n);
    v[k + 1] = head + (head >= 0 ? length : -length);
    for (let i = k + 2; i < n; i++) v[i] = a[i * n + k]!;
    const vv = v[k + 1]! * v[k + 1]! + squares;

    // A ← H A H with H = I − 2vvᵀ/vᵀv, as A − v wᵀ − w vᵀ.
    const p = new Float64Array(n);
    let pv = 0;
    for (let i = k; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += a[i * n + j]! * v[j]!;
      p[i] = (2 * sum) / vv;
      pv += p[i]! * v[i]!;
    }
    for (let i = k; i < n; i++) p[i]! -= (pv / vv) * v[i]!;
    for (let i = k; i < n; i++) for (let j = k; j < n; j++) a[i * n + j]! -= v[i]! * p[j]! + p[i]! * v[j]!;
    reflectors.push(v);
  }
  return {
    diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!),
    beside: Float64Array.from({ length: Math.max(0, n - 1) }, (_, i) => a[(i + 1) * n + i]!),
    reflectors,
  };
}

/** The number of eigenvalues below x, from the signs of the pivots of T − x. */
function countBelow({ diagonal, beside }: Tridiagonal, x: number, tiny: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    const coupling = i === 0 ? 0 : beside[i - 1]!;
    pivot = diagonal[i]! - x - (coupling * coupling) / pivot;
    if (pivot === 0) pivot = -tiny;
    if (pivot < 0) count++;
  }
  return count;
}

function greatestEigenvalue(t: Tridiagonal, scale: number): number {
  const n = t.diagonal.length;
  let low = -Infinity;
  let high = -Infinity;
  for (let i = 0; i < n; i++) {
    const radius = (i > 0 ? Math.abs(t.beside[i - 1]!) : 0) + (i + 1 < n ? Math.abs(t.beside[i]!) : 0);
    low = Math.max(low, t.diagonal[i]!); // no diagonal entry exceeds the greatest eigenvalue
    high = Math.max(high, t.diagonal[i]! + radius); // Gershgorin
  }
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    if (countBelow(t, middle, scale * 2 ** -60) >= n) high = middle;
    else low = middle;
  }
}

/** Solves (T − shift) x = b by elimination with row exchanges. Zero pivots are replaced by a tiny value. */
function solveShifted(
  { diagonal, beside }: Tridiagonal,
  shift: number,
  b: Float64Array,
  tiny: number,
): Float64Array {
  const n = diagonal.length;
  const main = diagonal.map((value) => value - shift);
  const upper = Float64Array.from(beside);
  const second = new Float64Array(n);
  const x = Float64Array.from(b);
  for (let i = 0; i + 1 < n; i++) {
    const below = beside[i]!;
    if (Math.abs(main[i]!) >= Math.abs(below)) {
      if (main[i] === 0) main[i] = tiny;
      const factor = below / main[i]!;
      main[i + 1]! -= factor * upper[i]!;
      x[i + 1]! -= factor * x[i]!;
      continue;
    }
    const factor = main[i]! / below;
    const nextUpper = i + 2 < n ? upper[i + 1]! : 0;
    [main[i], main[i + 1]] = [below, upper[i]! - factor * main[i + 1]!];
    [upper[i], second[i]] = [diagonal[i + 1]! - shift, nextUpper];
    if (i + 2 < n) upper[i + 1] = -factor * nextUpper;
    [x[i], x[i + 1]] = [x[i + 1]!, x[i]! - factor * x[i + 1]!];
  }
  if (n > 0 && main[n - 1] === 0) main[n - 1] = tiny;
  for (let i = n - 1; i >= 0; i--) {
    const known = (i + 1 < n ? upper[i]! * x[i + 1]! : 0) + (i + 2 < n ? second[i]! * x[i + 2]! : 0);
    x[i] = (x[i]! - known) / main[i]!;
  }
  return x;
}

function normalize(x: Float64Array): void {
  let largest = 0;
  for (const value of x) largest = Math.max(largest, Math.abs(value));
  let squares = 0;
  for (let i = 0; i < x.length; i++) {
    x[i]! /= largest;
    squares += x[i]! * x[i]!;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < x.length; i++) x[i]! /= length;
}

/**
 * The largest eigenvalue and its eigenvector.
 *
 * @param matrix n × n, row-major, symmetric; not written to
 */
export function topEigenpair(matrix: Float64Array, n: number): Eigenpair {
  let scale = 0;
  for (const value of matrix) scale = Math.max(scale, Math.abs(value));
  if (scale === 0) return { value: 0, vector: Float64Array.from({ length: n }, (_, i) => (i === 0 ? 1 : 0)) };
  // Scaled to entries of at most 1; otherwise the square of an attacker's 1e76 could overflow.
  const t = tridiagonalize(
    matrix.map((value) => value / scale),
    n,
  );
  const value = greatestEigenvalue(t, 1);
  let vector: Float64Array = new Float64Array(n).map((_, i) => 1 + i / n); // unlikely to be orthogonal to the eigenvector
  for (let step = 0; step < 4; step++) {
    vector = solveShifted(t, value, vector, 2 ** -60);
    normalize(vector);
  }
  for (let k = n - 3; k >= 0; k--) {
    const v = t.reflectors[k];
    if (!v) continue;
    let dot = 0;
    let vv = 0;
    for (let i = k + 1; i < n; i++) {
      dot += v[i]! * vector[i]!;
      vv += v[i]! * v[i]!;
    }
    for (let i = k + 1; i < n; i++) vector[i]! -= ((2 * dot) / vv) * v[i]!;
  }
  return { value: value * scale, vector };
}
