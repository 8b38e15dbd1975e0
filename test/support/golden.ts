/** The cases of test/fixtures/byzfl.json, and what their keys mean. The path is relative to the project's root. */
import { readFileSync } from 'node:fs';
import { rules } from '../../src/index.js';
import { preaggregators } from './library.js';
import type { PreaggregatorName, RuleName } from './names.js';
import type { ReferenceParameters } from './reference.js';

export interface GoldenCase {
  readonly data: string;
  readonly n: number;
  readonly d: number;
  readonly f: number;
  readonly input: readonly number[];
  readonly rules: Readonly<Record<string, number[]>>;
  readonly preaggregators: Readonly<Record<string, number[]>>;
  readonly pipelines: Readonly<Record<string, number[]>>;
}

export interface GoldenStage {
  readonly name: string;
  readonly parameters: ReferenceParameters;
}

/** ByzFL's geometric median after three steps is no optimum, which is what the rule computes: left out. */
const interrupted = 'geometric-median nu=0.1 T=3';

export const goldenCases = (
  JSON.parse(readFileSync('test/fixtures/byzfl.json', 'utf8')) as { cases: GoldenCase[] }
).cases.map((golden) => ({
  ...golden,
  rules: Object.fromEntries(Object.entries(golden.rules).filter(([key]) => key !== interrupted)),
}));

const bounded = new Set(
  rules()
    .filter(({ parameters }) => parameters.some(({ name }) => name === 'f'))
    .map(({ name }) => name),
);

/** A stage's name and parameters from its key: `krum neighbors=n-f-1`, say. */
export function goldenStage(key: string, { n, f }: GoldenCase): GoldenStage {
  const [name = '', ...settings] = key.split(' ');
  const parameters: Record<string, number> = bounded.has(name) ? { f } : {};
  for (const setting of settings) {
    const [parameter = '', text = ''] = setting.split('=');
    const value = text === 'n-f-1' ? n - f - 1 : text === 'n-f' ? n - f : Number(text);
    // ByzFL's smoothed iteration: nu is far below the golden data's distances, and T is enough to converge.
    if (parameter === 'nu' || parameter === 'T') continue;
    parameters[parameter === 'L' ? 'iterations' : parameter] = value;
  }
  return { name, parameters };
}

export const isRule = (name: string): name is RuleName => !isPreaggregator(name);
export const isPreaggregator = (name: string): name is PreaggregatorName => name in preaggregators;

/** Rows of d out of a flat, row-major list. */
export const unflatten = (flat: readonly number[], d: number): number[][] =>
  Array.from({ length: flat.length / d }, (_, i) => flat.slice(i * d, (i + 1) * d));
