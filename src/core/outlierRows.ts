import type { OutlierRow } from './geometry.js';

/** Rows farther from the center than this many times its distance to the nearer half of the rows are outliers. */
const FAR = 64;
/** The least normal float32. */
const MIN_SCALE = 2 ** -126;

/** The row with the least distance to the nearer half of the others, and that distance, squared. */
function centralRow(distances: Float64Array, rows: number): { center: number; squaredRadius: number } {
  let center = 0;
  let squaredRadius = Infinity;
  for (let i = 0; i < rows; i++) {
    const own = distances.slice(i * (rows + 1), i * (rows + 1) + rows).sort();
    const radius = own[rows >> 1]!;
    if (radius < squaredRadius) [center, squaredRadius] = [i, radius];
  }
  return { center, squaredRadius };
}

/** If half of the rows coincide: the least nonzero squared length around the central row. */
function smallestScale(distances: Float64Array, rows: number, center: number): number {
  const own = distances.slice(center * (rows + 1), center * (rows + 1) + rows);
  const norm = distances[center * (rows + 1) + rows]!;
  if (norm > 0) return norm * 2 ** -40;
  return own.reduce((least, value) => (value > 0 && value < least ? value : least), Infinity);
}

/**
 * Finds the rows that are so far from the others that combinations with them would lose what distinguishes the others
 * (see geometry.ts), and the factor by which to pull each one in.
 *
 * @param distances (rows + 1)² squared distances, the origin last
 */
export function outlierRows(distances: Float64Array, rows: number): { center: number; far: OutlierRow[] } {
  const { center, squaredRadius } = centralRow(distances, rows);
  const squared = squaredRadius > 0 ? squaredRadius : smallestScale(distances, rows, center);
  const limit = FAR * FAR * squared;
  const far: OutlierRow[] = [];
  for (let row = 0; row < rows; row++) {
    const distance = distances[center * (rows + 1) + row]!;
    let scale = 1;
    while (distance * scale * scale > limit && scale > MIN_SCALE) scale /= 2;
    if (scale < 1) far.push({ row, scale });
  }
  return { center, far };
}
