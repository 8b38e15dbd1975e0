/**
 * The order in which rules see the updates where it decides something: by their values, column by column. So a tie is broken
 * by what the updates contain, never by their places, which nodes choose by their names. Only updates that are equal keep the
 * order in which they came. Moving all updates by the same vector keeps the order, as it keeps distances.
 */
import type { Measured } from '../core/geometry.js';
import type { RowSource } from '../core/source.js';
import { restrictPipeline, type Pipeline } from './pipeline.js';
import type { CombinationPlan } from './plan.js';

/** Columns that are compared at first, and at most at a time: different updates mostly differ in the first ones. */
const FIRST_COLUMNS = 16;
const MAX_COLUMNS = 16_384;

const isEqual = (measured: Measured, i: number, j: number): boolean =>
  measured.direct[i * (measured.rows + 1) + j] === 0;

function compareColumns(a: Float32Array, b: Float32Array): number {
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return a[k]! - b[k]!;
  return 0;
}

/** Different rows in the order of their values. Reads until they differ. */
async function byColumns(
  rows: readonly number[],
  source: RowSource,
  column = 0,
  columns = FIRST_COLUMNS,
): Promise<readonly number[]> {
  if (rows.length < 2 || column >= source.d) return rows;
  const width = Math.min(columns, source.d - column);
  const pieces = new Map<number, Float32Array>();
  for (const row of rows) {
    const piece = new Float32Array(width);
    await source.read(row, column, piece);
    pieces.set(row, piece);
  }
  const compare = (a: number, b: number) => compareColumns(pieces.get(a)!, pieces.get(b)!);
  const ordered: number[] = [];
  for (const group of groups([...rows].sort(compare), (a, b) => compare(a, b) === 0)) {
    ordered.push(...(await byColumns(group, source, column + width, Math.min(columns * 16, MAX_COLUMNS))));
  }
  return ordered;
}

/** Runs of neighbors that are alike. */
function groups(sorted: readonly number[], alike: (a: number, b: number) => boolean): number[][] {
  const found: number[][] = [];
  for (const each of sorted) {
    const last = found.at(-1);
    if (last && alike(last[0]!, each)) last.push(each);
    else found.push([each]);
  }
  return found;
}

/**
 * The indices of the first n measured rows, in the order of their contents.
 *
 * @param kept the rows' places in the source
 */
export async function contentOrder(
  measured: Measured,
  kept: readonly number[],
  source: RowSource,
): Promise<readonly number[]> {
  // Equal rows are a distance of 0 apart, and only one of them is read.
  const equals = new Map<number, number[]>();
  const firsts: number[] = [];
  for (let i = 0; i < kept.length; i++) {
    const first = firsts.find((j) => isEqual(measured, i, j));
    if (first !== undefined) equals.get(kept[first]!)!.push(i);
    else {
      firsts.push(i);
      equals.set(kept[i]!, [i]);
    }
  }
  const rows = await byColumns([...equals.keys()], source);
  return rows.flatMap((row) => equals.get(row)!);
}

/** The measured rows in another order; an anchor and the origin stay last. */
export function reordered(measured: Measured, order: readonly number[]): Measured {
  const { rows, direct, pulled, center, far } = measured;
  const size = rows + 1;
  const from = Array.from({ length: size }, (_, i) => order[i] ?? i);
  const permuted = (matrix: Float64Array) => {
    const result = new Float64Array(matrix.length);
    from.forEach((i, a) => {
      from.forEach((j, b) => (result[a * size + b] = matrix[i * size + j]!));
    });
    return result;
  };
  const moved = permuted(direct);
  return {
    ...measured,
    direct: moved,
    pulled: pulled === direct ? moved : permuted(pulled),
    center: from.indexOf(center),
    far: far.map(({ row, scale }) => ({ row: from.indexOf(row), scale })),
  };
}

/** The pipeline for reordered rows: a parameter that names rows, such as a pivot, names the same ones. */
export const pipelineInOrder = (pipeline: Pipeline, order: readonly number[]): Pipeline =>
  restrictPipeline(pipeline, order, 0);

/** A plan for reordered rows, as a plan for the rows as they are. */
export function planInPlace(plan: CombinationPlan, order: readonly number[]): CombinationPlan {
  const { combination, rowWeights, used } = plan;
  const inPlace = (weights: Float64Array) => {
    const result = Float64Array.from(weights); // an anchor's stays last
    order.forEach((i, a) => (result[i] = weights[a]!));
    return result;
  };
  const placeOf = new Map(order.map((i, a) => [i, a]));
  const shared = { ...plan, used: (row: number) => used(placeOf.get(row) ?? row) };
  if (combination.kind === 'weighted-sum') {
    const weights = inPlace(combination.weights);
    return { ...shared, rowWeights: rowWeights && weights, combination: { kind: 'weighted-sum', weights } };
  }
  const { column, inputs } = combination;
  if ('indices' in inputs) {
    const indices = inputs.indices.map((a) => order[a]!).sort((a, b) => a - b);
    return { ...shared, combination: { kind: 'columns', column, inputs: { indices } } };
  }
  // Every pre-aggregator without an order of its own makes one point of each.
  const { points = [] } = plan;
  const sorted = points.map((_, k) => k).sort((k, l) => order[points[k]!]! - order[points[l]!]!);
  const matrix = sorted.map((k) => inPlace(inputs.matrix[k]!));
  return { ...shared, combination: { kind: 'columns', column, inputs: { matrix } } };
}
