import type { Geometry } from '../core/geometry.js';
import type { Combination } from '../core/tileWork.js';
import type { Cooperative } from '../core/cooperative.js';
import type { Proof } from '../rules/rule.js';
import type { Pipeline } from './pipeline.js';

/** How the last pass combines the rows. */
export interface CombinationPlan {
  readonly combination: Combination;
  /** For linear rules: the weights over the rows, an anchor's last. */
  readonly rowWeights: Float64Array | undefined;
  /** Whether a row has any influence on the result. */
  readonly used: (row: number) => boolean;
  /** For rules on columns of mixed rows: which point each row of the matrix is. */
  readonly points?: readonly number[];
  /** Of a rule that iterates toward an optimum. */
  readonly proof?: Proof;
}

/** Runs a pipeline on the geometry of the rows; the result says how to combine the rows themselves. */
export function* planCombination(
  { preaggregators, rule: { work } }: Pipeline,
  base: Geometry,
): Cooperative<CombinationPlan> {
  const geometry = preaggregators.reduce((points, stage) => points.map(stage.combine(points)), base);
  if (work.kind === 'linear') {
    const { weights, proof } = yield* work.rowWeights(geometry);
    return {
      combination: { kind: 'weighted-sum', weights },
      rowWeights: weights,
      used: (row) => weights[row] !== 0,
      ...(proof && { proof }),
    };
  }
  const indices = work.choose?.(geometry) ?? Array.from({ length: geometry.n }, (_, i) => i);
  const column = work.column(indices.length);
  if (preaggregators.length === 0) {
    return {
      combination: { kind: 'columns', column, inputs: { indices } },
      rowWeights: undefined,
      used: (row) => indices.includes(row),
    };
  }
  const matrix = indices.map((index) =>
    geometry.rowWeights(Float64Array.from({ length: geometry.n }, (_, i) => (i === index ? 1 : 0))),
  );
  return {
    combination: { kind: 'columns', column, inputs: { matrix } },
    rowWeights: undefined,
    points: indices,
    used: (row) => matrix.some((weights) => weights[row] !== 0),
  };
}
