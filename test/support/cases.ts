/**
 * Inputs and pipelines whose results must be the same to the last bit everywhere: on any number of threads, from any
 * source of rows, within any memory limit, in Node and in a browser. Runs in both, so it imports nothing of Node and
 * is handed the library.
 */
import { pipeline } from '../../src/aggregation/pipeline.js';
import type * as library from '../../src/library.js';
import type { Preaggregator, PreaggregatorFactory } from '../../src/preaggregators/preaggregator.js';
import * as preaggregatorRegistry from '../../src/preaggregators/registry.js';
import * as ruleRegistry from '../../src/rules/registry.js';
import type { Rule, RuleFactory } from '../../src/rules/rule.js';
import { random } from './random.js';
import { sampleParameters } from './samples.js';

export type Library = Pick<
  typeof library,
  'pipeline' | keyof typeof ruleRegistry | keyof typeof preaggregatorRegistry
>;

export interface Case {
  readonly name: string;
  readonly n: number;
  readonly d: number;
  readonly seed: number;
  readonly pipeline: (library: Library) => ReturnType<Library['pipeline']>;
}

type Stages = (library: Library) => Parameters<Library['pipeline']>;
type Shape = readonly [name: string, n: number, d: number, stages: Stages];

/**
 * Lengths that fill no whole cache line, tile or segment, some beyond 65,536 columns; numbers of rows on either side
 * of where the kernels change their method.
 */
const shapes: readonly Shape[] = [
  ['mean', 10, 131_071, (q) => [q.mean()]],
  ['mean by examples', 5, 1_003, (q) => [q.mean({ weights: [600, 20, 0, 1, 55] })]],
  ['median of an odd number', 9, 65_601, (q) => [q.median()]],
  ['median of an even number', 64, 4_097, (q) => [q.median()]],
  ['median of many rows', 300, 1_009, (q) => [q.median()]],
  ['median of one column', 7, 1, (q) => [q.median()]],
  ['trimmed mean', 20, 65_537, (q) => [q.trimmedMean({ f: 4 })]],
  ['trimmed mean of many rows', 130, 2_001, (q) => [q.trimmedMean({ f: 30 })]],
  ['meamed', 11, 10_001, (q) => [q.meamed({ f: 2 })]],
  ['phocas', 15, 4_097, (q) => [q.phocas({ f: 3 })]],
  ['sign vote', 9, 1_003, (q) => [q.signVote()]],
  ['krum', 12, 65_601, (q) => [q.krum({ f: 2 })]],
  ['multi-krum', 17, 4_097, (q) => [q.multiKrum({ f: 3 })]],
  ['bulyan', 13, 20_011, (q) => [q.bulyan({ f: 2 })]],
  ['mda', 11, 3_001, (q) => [q.mda({ f: 2 })]],
  ['monna', 11, 3_001, (q) => [q.monna({ f: 2, pivot: 3 })]],
  ['geometric median', 16, 70_001, (q) => [q.geometricMedian()]],
  ['centered clipping', 14, 9_999, (q) => [q.centeredClipping({ tau: 2, iterations: 3 })]],
  ['cge', 10, 2_050, (q) => [q.cge({ f: 2 })]],
  ['caf', 12, 2_049, (q) => [q.caf({ f: 2 })]],
  ['smea', 10, 1_025, (q) => [q.smea({ f: 2 })]],
  ['nnm, trimmed mean', 20, 65_601, (q) => [q.nnm({ f: 4 }), q.trimmedMean({ f: 4 })]],
  ['bucketing, median', 21, 5_003, (q) => [q.bucketing({ s: 2, seed: 7 }), q.median()]],
  ['clipping, krum', 12, 777, (q) => [q.clipping({ c: 3 }), q.krum({ f: 2 })]],
  ['arc, nnm, geometric median', 15, 8_191, (q) => [q.arc({ f: 3 }), q.nnm({ f: 3 }), q.geometricMedian()]],
  [
    'clipping, bucketing, trimmed mean',
    18,
    66_001,
    (q) => [q.clipping({ c: 30 }), q.bucketing({ s: 3, seed: 1 }), q.trimmedMean({ f: 2 })],
  ],
];

const own: Library = { ...ruleRegistry, ...preaggregatorRegistry, pipeline };
const used = new Set(shapes.flatMap(([, , , stages]) => stages(own).map(({ name }) => name)));

/** Whatever is registered and not used above, after the others, so that they keep their seeds. */
function unused<Made extends Preaggregator | Rule>(
  registry: Readonly<
    Record<
      string,
      Pick<RuleFactory | PreaggregatorFactory, 'definition'> & { from: (parameters: unknown) => Made }
    >
  >,
): Made[] {
  return Object.values(registry)
    .filter(({ definition }) => !used.has(definition.name))
    .map((factory) => factory.from(sampleParameters(factory, 2)));
}

const others: readonly Shape[] = [
  ...unused<Rule>(ruleRegistry).map((rule): Shape => [rule.name, 12, 2_049, () => [rule]]),
  ...unused<Preaggregator>(preaggregatorRegistry).map((stage): Shape => [
    stage.name,
    12,
    2_049,
    (q) => [stage, q.trimmedMean({ f: 2 })],
  ]),
];

export const cases: readonly Case[] = [...shapes, ...others].map(([name, n, d, stages], index) => ({
  name: `${name}, ${n} × ${d}`,
  n,
  d,
  seed: index + 1,
  pipeline: (library) => library.pipeline(...stages(library)),
}));

/**
 * Rows around a common center, one in six of them a lie. Some columns are awkward: zeros of both signs, ties,
 * subnormal numbers.
 */
export function updatesOf({ n, d, seed }: Pick<Case, 'n' | 'd' | 'seed'>): Float32Array[] {
  const { uniform } = random(seed);
  const center = Float64Array.from({ length: d }, () => uniform() - 0.5);
  return Array.from({ length: n }, (_row, i) => {
    const lies = i % 6 === 5;
    return Float32Array.from(center, (middle, k) => {
      const noise = uniform() - 0.5;
      if (k % 89 === 1) return i % 2 === 0 ? 0 : -0;
      if (k % 97 === 2) return Math.floor(4 * noise);
      if (k % 101 === 3) return noise * 1e-40;
      return lies ? -4 * middle + 0.01 * noise : middle + (0.25 + 0.01 * i) * noise;
    });
  });
}
