/** The project's speed targets, compared with the figures of a run. */
import { isTiming, ratio, type CaseResult, type Results } from './results.js';
import { significant, textTable } from './table.js';

interface Target {
  readonly claim: string;
  readonly rule: string;
  readonly n: number;
  readonly d: number;
  readonly measure: (result: CaseResult, results: Results) => number | undefined;
  readonly unit: '%' | '×' | 'ms';
  /** A lower bound for a ratio or share, an upper bound for a time. */
  readonly bound: number;
}

export interface Verdict {
  readonly claim: string;
  readonly bound: string;
  readonly measured: string;
  /** What a kernel could reach that only reads the rows and writes the result. */
  readonly limit: string;
  readonly verdict: 'met' | 'missed' | 'not measured';
}

const million = 1_000_000;

const readShare = ({ read, oneThread }: CaseResult): number | undefined =>
  isTiming(oneThread) ? (100 * read.medianMs) / oneThread.medianMs : undefined;

const timeOf = ({ oneThread }: CaseResult): number | undefined =>
  isTiming(oneThread) ? oneThread.medianMs : undefined;

const against =
  (...variants: string[]) =>
  ({ numpy, oneThread }: CaseResult): number | undefined => {
    const first = variants
      .map((name) => numpy.find(({ variant, figure }) => variant === name && isTiming(figure)))
      .find((found) => found !== undefined);
    return ratio(first?.figure, oneThread);
  };

/** The time to read n rows and write one, both at the read bandwidth. */
const trafficMs = ({ read, n }: CaseResult): number | undefined =>
  isTiming(read) ? (read.medianMs * (n + 1)) / n : undefined;

/** The result if Quorate took only as long as the memory traffic. */
function limited(result: CaseResult): CaseResult {
  const { oneThread } = result;
  const medianMs = trafficMs(result);
  return isTiming(oneThread) && medianMs !== undefined
    ? { ...result, oneThread: { ...oneThread, medianMs } }
    : result;
}

const targets: readonly Target[] = [
  {
    claim: 'mean, share of the read bandwidth',
    rule: 'mean',
    n: 10,
    d: million,
    measure: readShare,
    unit: '%',
    bound: 75,
  },
  {
    claim: 'median, against np.median',
    rule: 'median',
    n: 10,
    d: million,
    measure: against('np.median'),
    unit: '×',
    bound: 80,
  },
  {
    claim: 'median, against np.median',
    rule: 'median',
    n: 100,
    d: million,
    measure: against('np.median'),
    unit: '×',
    bound: 18,
  },
  {
    claim: 'trimmed mean, against np.sort + mean',
    rule: 'trimmed-mean',
    n: 10,
    d: million,
    measure: against('np.sort + mean'),
    unit: '×',
    bound: 15,
  },
  {
    claim: 'distances, against scipy pdist',
    rule: 'distances',
    n: 50,
    d: 100_000,
    measure: against('scipy pdist', 'direct loop'),
    unit: '×',
    bound: 3,
  },
  {
    claim: 'Krum',
    rule: 'krum',
    n: 20,
    d: million,
    measure: timeOf,
    unit: 'ms',
    bound: 60,
  },
  {
    claim: 'NNM > trimmed mean',
    rule: 'nnm > trimmed-mean',
    n: 20,
    d: million,
    measure: timeOf,
    unit: 'ms',
    bound: 60,
  },
  {
    claim: 'geometric median, to 1e-6',
    rule: 'geometric-median',
    n: 20,
    d: million,
    measure: timeOf,
    unit: 'ms',
    bound: 60,
  },
  {
    claim: 'distances, two threads against one',
    rule: 'distances',
    n: 100,
    d: million,
    measure: threadGain,
    unit: '×',
    bound: 1.7,
  },
];

/** Undefined on a single core. */
function threadGain({ oneThread, allThreads }: CaseResult, { threads }: Results): number | undefined {
  return threads < 2 ? undefined : ratio(oneThread, allThreads);
}

const met = ({ unit, bound }: Target, measured: number): boolean =>
  unit === 'ms' ? measured < bound : measured >= bound;

export function judge(results: Results): Verdict[] {
  return targets.map((target) => {
    const { rule, n, d, unit, bound, claim } = target;
    const result = results.cases.find((one) => one.rule === rule && one.n === n && one.d === d);
    const measured = result === undefined ? undefined : target.measure(result, results);
    const limit =
      result === undefined || measured === undefined || target.measure === threadGain
        ? undefined
        : target.measure(limited(result), results);
    return {
      claim: `${claim}, ${n} × ${d.toLocaleString('en')}`,
      bound: `${unit === 'ms' ? 'under' : 'at least'} ${bound} ${unit}`,
      measured: measured === undefined ? '' : `${significant(measured)} ${unit}`,
      limit: limit === undefined ? '' : `${significant(limit)} ${unit}`,
      verdict: measured === undefined ? 'not measured' : met(target, measured) ? 'met' : 'missed',
    };
  });
}

export function targetTable(verdicts: readonly Verdict[]): string {
  return textTable(
    [
      { heading: 'target (one thread unless stated otherwise)', align: 'left' },
      { heading: 'bound', align: 'left' },
      { heading: 'measured', align: 'right' },
      { heading: 'memory limit', align: 'right' },
      { heading: '', align: 'left' },
    ],
    verdicts.map(({ claim, bound, measured, limit, verdict }) => [claim, bound, measured, limit, verdict]),
  );
}
