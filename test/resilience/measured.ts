/**
 * What scenarios measured: printed under each one's title, and in bench-output/resilience/, a file for each file of
 * tests.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { quantile } from '../../src/rounds/deadline.js';
import { afterEachTest } from '../support/cleanup.js';

interface Measure {
  readonly text: string;
  readonly values: Readonly<Record<string, number>>;
}

const scenarios = new Map<string, { readonly title: string; readonly measures: readonly Measure[] }[]>();
let measures: Measure[] = [];

/** @param text a line for people, its numbers rounded; @param values the numbers, units in their names */
export function measured(text: string, values: Readonly<Record<string, number>> = {}): void {
  measures.push({ text, values });
}

/** The quantiles that are reported of latencies: the median, the 99th percentile and the maximum. */
export function quantilesMs(latenciesMs: readonly number[]): Record<'p50Ms' | 'p99Ms' | 'maxMs', number> {
  return {
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    maxMs: quantile(latenciesMs, 1),
  };
}

// With the title: mocha prints its own once the whole file is through.
afterEachTest(({ currentTest }) => {
  if (measures.length === 0 || !currentTest) return;
  console.log([currentTest.fullTitle(), ...measures.map(({ text }) => `        ${text}`)].join('\n'));
  const name = basename(currentTest.file!, '.test.js');
  scenarios.set(name, [...(scenarios.get(name) ?? []), { title: currentTest.fullTitle(), measures }]);
  measures = [];
  mkdirSync('bench-output/resilience', { recursive: true });
  writeFileSync(
    `bench-output/resilience/${name}.json`,
    `${JSON.stringify(scenarios.get(name), undefined, 2)}\n`,
  );
});
