/** What scenarios measured: printed under each one's title, and all of it in bench-output/resilience.json. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, afterEach } from 'mocha';
import { quantile } from '../../src/rounds/deadline.js';

interface Measure {
  readonly text: string;
  readonly values: Readonly<Record<string, number>>;
}

const scenarios: { readonly title: string; readonly measures: readonly Measure[] }[] = [];
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

// Mocha has printed the title by then.
afterEach(function () {
  if (measures.length === 0) return;
  for (const { text } of measures) console.log(`        ${text}`);
  scenarios.push({ title: this.currentTest?.fullTitle() ?? '', measures });
  measures = [];
});

after(() => {
  mkdirSync('bench-output', { recursive: true });
  writeFileSync('bench-output/resilience.json', `${JSON.stringify(scenarios, undefined, 2)}\n`);
});
