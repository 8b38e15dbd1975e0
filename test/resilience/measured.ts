/** What scenarios measured: printed under each one's title, and all of it in bench-output/resilience.json. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, afterEach } from 'mocha';

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
