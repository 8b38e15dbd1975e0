/**
 * `bench core --readme`: copies the table and the chart of a finished run into the README, so that its figures come from
 * one run and are never typed by hand.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { projectRoot } from './projectRoot.js';
import { coreMarkdown } from './report.js';
import type { Results } from './results.js';

const marks = ['<!-- speed: npm run bench -->', '<!-- /speed -->'] as const;
const chartPath = 'docs/speed.svg';

/**
 * @returns `text` with everything between the two marks replaced by `body`
 * @throws Error if the marks are missing or out of order
 */
export function replaceBetween([begin, end]: readonly [string, string], text: string, body: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from + begin.length);
  if (from < 0 || to < 0) throw new Error(`${begin} and ${end} are missing or out of order`);
  return `${text.slice(0, from + begin.length)}\n\n${body}\n\n${text.slice(to)}`;
}

/** @returns the files written. */
export async function writeReadme(results: Results, chart: string): Promise<string[]> {
  const readme = join(projectRoot(), 'README.md');
  const copied = join(projectRoot(), chartPath);
  await mkdir(dirname(copied), { recursive: true });
  await copyFile(chart, copied);
  const body = `![Milliseconds that each rule takes](${chartPath})\n\n${coreMarkdown(results)}`;
  const text = replaceBetween(marks, await readFile(readme, 'utf8'), body);
  await writeFile(readme, await format(text, { ...(await resolveConfig(readme)), filepath: readme }));
  return [readme, copied];
}
