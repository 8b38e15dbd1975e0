/** The accuracies as a table for a terminal. */
import { attackFree, brokenAtHyphens, finalAccuracy, percent, runOf, worstOf } from './findings.js';
import type { Run, Study } from './study.js';

const CELL = 13;

// ANSI codes; versions of Node differ in when util.styleText leaves them out.
const BOLD = 1;
const RED = 31;
const YELLOW = 33;
const painted = (code: number, text: string): string => `\u001b[${code}m${text}\u001b[0m`;

/** Headers of narrow columns, broken into lines and aligned to the bottom. */
function headerLines(names: readonly string[]): string[] {
  const broken = names.map((name) => brokenAtHyphens(name, CELL - 1));
  const height = Math.max(...broken.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    broken.map((lines) => (lines[line - height + lines.length] ?? '').padStart(CELL)).join(''),
  );
}

/**
 * @param colors whether to color losses compared with the mean without attackers: yellow from 5 points, red from 20
 */
export function accuracyTable(study: Study, colors: boolean): string {
  const width = Math.max(...study.pipelines.map(({ length }) => length), 'honest nodes alone'.length);
  const lines: string[] = [];

  const cell = (accuracy: number, free: number): string => {
    const text = percent(accuracy).padStart(CELL);
    const lost = free - accuracy;
    if (!colors || lost < 0.05) return text;
    return painted(lost < 0.2 ? YELLOW : RED, text);
  };
  const bold = (text: string): string => (colors ? painted(BOLD, text) : text);

  for (const { name: data, title } of study.data) {
    const free = attackFree(study, data);
    lines.push('', bold(title), '');
    for (const line of headerLines([...study.attacks.map(({ name }) => name), 'worst'])) {
      lines.push(' '.repeat(width) + line);
    }
    for (const pipeline of study.pipelines) {
      const accuracies = study.attacks.map(({ name }) => finalAccuracy(runOf(study, data, name, pipeline)));
      const cells = [...accuracies, worstOf(study, data, pipeline).accuracy].map((each) => cell(each, free));
      lines.push(pipeline.padEnd(width) + cells.join(''));
    }
    const alone: Run | undefined = study.honestAlone.find((run) => run.data === data);
    if (alone) lines.push('honest nodes alone'.padEnd(width) + percent(finalAccuracy(alone)).padStart(CELL));
  }
  return lines.join('\n');
}
