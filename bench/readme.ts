/**
 * `bench core --readme`: puts the table and the chart of a finished run where the README shows them, so that its
 * figures are those of one run and not typed by hand.
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
 * @returns `text` with `body` between the two marks, which stay.
 * @throws Error if the marks are not both there, in order
 */
export function replaceBetween([begin, end]: readonly [string, string], text: string, body: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from + begin.length);
  if (from < 0 || to < 0) throw new Error(`${begin} and ${end} are not both there, in this order`);
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
