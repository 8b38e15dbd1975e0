/** The table of a run, as text for a terminal and as Markdown for the README. */
import {
  fastestNumpy,
  isTiming,
  ratio,
  type Absent,
  type CaseResult,
  type Figure,
  type Results,
} from './results.js';
import { ruleNames } from './cases.js';
import { busy, describeMachine } from './machine.js';
import { entries, markdownTable, significant, textTable, times, type Column } from './table.js';

const left = (heading: string): Column => ({ heading, align: 'left' });
const right = (heading: string): Column => ({ heading, align: 'right' });

/** Why there is no figure, short enough for a cell. The notes below the table explain it. */
const shortAbsence = ({ absent }: Absent): string =>
  absent === 'SEARCH_TOO_LARGE' ? 'search too large' : '—';

const cell = (figure: Figure): string =>
  isTiming(figure) ? significant(figure.medianMs) : shortAbsence(figure);

function sorted(cases: readonly CaseResult[]): CaseResult[] {
  const rank = new Map(ruleNames.map((name, i) => [name, i]));
  return [...cases].sort(
    (a, b) => (rank.get(a.rule) ?? 0) - (rank.get(b.rule) ?? 0) || a.d - b.d || a.n - b.n,
  );
}

function gigabytesPerSecond(result: CaseResult): string {
  if (!isTiming(result.oneThread)) return '';
  return significant((result.n * result.d * 4) / result.oneThread.medianMs / 1e6);
}

function readShare({ read, oneThread }: CaseResult): string {
  return isTiming(oneThread) ? `${Math.round((100 * read.medianMs) / oneThread.medianMs)} %` : '';
}

function numpyRatio(result: CaseResult): number | undefined {
  const fastest = fastestNumpy(result);
  return fastest === undefined || !isTiming(result.oneThread)
    ? undefined
    : fastest.medianMs / result.oneThread.medianMs;
}

export function coreTable(results: Results): string {
  const columns = [
    left('rule'),
    right('n'),
    right('d'),
    right('f'),
    right('1 thread ms'),
    right(`${results.threads} threads ms`),
    right('gain'),
    right('GB/s'),
    right('of read'),
    right('JS ms'),
    right('JS/ours'),
    right('NumPy ms'),
    right('NumPy/ours'),
    right('full call ms'),
  ];
  let previous: string | undefined;
  const rows = sorted(results.cases).flatMap((result) => {
    const numpy = fastestNumpy(result);
    const row = [
      result.rule,
      String(result.n),
      entries(result.d),
      String(result.parameters.f ?? ''),
      cell(result.oneThread),
      cell(result.allThreads),
      times(ratio(result.oneThread, result.allThreads)),
      gigabytesPerSecond(result),
      readShare(result),
      cell(result.javaScript),
      times(ratio(result.javaScript, result.oneThread)),
      numpy === undefined ? '—' : significant(numpy.medianMs),
      times(numpyRatio(result)),
      cell(result.fullCall),
    ];
    const gap = previous !== undefined && previous !== result.rule ? [[]] : [];
    previous = result.rule;
    return [...gap, row];
  });
  return textTable(columns, rows);
}

/** How to read the table, and what it doesn't show. */
export function coreNotes(results: Results): string[] {
  const versions =
    'absent' in results.numpy
      ? results.numpy.absent
      : `NumPy ${results.numpy.numpy}, SciPy ${results.numpy.scipy ?? 'none'}, Python ${results.numpy.python}, one thread`;
  return [
    `${describeMachine(results.machine)}; ${versions}.`,
    ...busy(results.machine),
    'Medians; the implementations in a row were run alternately. Ratios compare with one thread: above 1, Quorate is faster.',
    '1 thread, threads: rows in the core’s memory, brief report. Full call: aggregate(Float32Array[], rule)',
    'with default options, every core: copies in, digests, norms, distances to the result, suspicion.',
    'Of read: time to read the rows once ÷ time taken. NumPy: the fastest exact variant for this case.',
    ...inexactNotes(results),
    ...absenceNotes(results),
    ...results.cases.flatMap(({ rule, n, d, disagreements }) =>
      disagreements.map((text) => `DISAGREEMENT: ${rule}, ${n} × ${entries(d)}: ${text}`),
    ),
  ];
}

function inexactNotes({ cases }: Results): string[] {
  const isExcluded = cases.some(
    ({ rule, numpy }) =>
      rule === 'distances' && numpy.some(({ exact, figure }) => !exact && isTiming(figure)),
  );
  if (!isExcluded) return [];
  return [
    'The NumPy column excludes distances computed from a Gram matrix: faster, but inaccurate for updates that are close together.',
  ];
}

/** One line per reason, with the cases that it applies to. */
function absenceNotes({ cases }: Results): string[] {
  const reasons = new Map<string, Set<string>>();
  for (const { rule, n, oneThread, allThreads, fullCall } of cases) {
    for (const figure of [oneThread, allThreads, fullCall]) {
      if (isTiming(figure) || figure.absent === '') continue;
      const where = reasons.get(figure.absent) ?? new Set();
      reasons.set(figure.absent, where.add(`${rule} at n = ${n}`));
    }
  }
  return [...reasons].map(([reason, where]) => {
    const isTooLarge = reason === 'SEARCH_TOO_LARGE';
    const explained = isTooLarge ? `${reason}, refused because the search would take too long` : reason;
    return `${[...where].join(', ')}: ${explained}.`;
  });
}

/** @returns the cases of one shape, in the order of the rules */
export const coreCasesOf = (results: Results, n: number, d: number): CaseResult[] =>
  sorted(results.cases.filter((result) => result.n === n && result.d === d));

/** The README's table: one row per rule, at the shape with the most rules. */
export function coreMarkdown(results: Results): string {
  const { n, d } = fullestShape(results);
  const rows = coreCasesOf(results, n, d).map((result) => {
    const numpy = fastestNumpy(result);
    return [
      `\`${result.rule}\``,
      cell(result.oneThread),
      cell(result.allThreads),
      numpy === undefined ? '—' : significant(numpy.medianMs),
      times(numpyRatio(result)),
      cell(result.javaScript),
      times(ratio(result.javaScript, result.oneThread)),
      readShare(result),
      cell(result.fullCall),
    ];
  });
  const table = markdownTable(
    [
      left(`${n} × ${d.toLocaleString('en')}`),
      right('1 thread, ms'),
      right(`${results.threads} threads, ms`),
      right('NumPy, ms'),
      right('NumPy ÷ ours'),
      right('plain JS, ms'),
      right('JS ÷ ours'),
      right('of read bandwidth'),
      right('full call, ms'),
    ],
    rows,
  );
  return [table, '', ...coreNotes(results).map((line) => `${line}  `)].join('\n');
}

/** @returns the shape with the most rules; on a tie, 20 × 1e6 or the largest */
export function fullestShape(results: Results): { n: number; d: number } {
  const shapes = new Map<string, { n: number; d: number; rules: number }>();
  for (const { n, d } of results.cases) {
    const shape = shapes.get(`${n}×${d}`) ?? { n, d, rules: 0 };
    shape.rules++;
    shapes.set(`${n}×${d}`, shape);
  }
  const preferred = (shape: { n: number; d: number }): boolean => shape.n === 20 && shape.d === 1_000_000;
  const [best] = [...shapes.values()].sort(
    (a, b) => b.rules - a.rules || Number(preferred(b)) - Number(preferred(a)) || b.n * b.d - a.n * a.d,
  );
  return best ?? { n: 0, d: 0 };
}
