/** The core suite: runs a plan shape by shape; the contenders of each case take turns. */
import { bandwidthReader } from './bandwidth.js';
import { javaScriptRules, type JavaScriptParameters } from './baselines/javascript.js';
import { Numpy } from './baselines/numpy.js';
import type { Case } from './cases.js';
import { machine } from './machine.js';
import { measure, type Contender, type Effort, type Outcome } from './measure.js';
import type { Ours, Placed } from './ours.js';
import { isTiming, type CaseResult, type Figure, type NumpyFigure, type Results } from './results.js';
import { seededUpdates } from './updates.js';

export interface Progress {
  /** Called before each case, with the number of cases done. */
  next(of: Case, done: number): void;
}

const quickEffort: Effort = { rounds: 3, budgetMs: 500, minSamples: 1 };
const fullEffort: Effort = { rounds: 4, budgetMs: 1200, minSamples: 2 };

/** The number of columns in which results are compared. */
const probes = 97;

const seed = 20_261;

const baselineDefaults: JavaScriptParameters = {
  f: 0,
  tau: 1,
  iterations: 1,
  nu: 1e-6,
  tolerance: 1e-6,
  maxIterations: 1000,
};

interface Stage {
  readonly rows: readonly Float32Array[];
  readonly placed: Placed;
  readonly read: () => void;
  readonly numpy: Numpy | string;
  readonly effort: Effort;
}

export async function runCore(
  plan: readonly Case[],
  ours: Ours,
  quick: boolean,
  progress: Progress,
): Promise<Results> {
  const date = new Date().toISOString();
  const on = machine();
  const numpy = await Numpy.start();
  const cases: CaseResult[] = [];
  try {
    let remaining = [...plan];
    while (remaining[0] !== undefined) {
      const { n, d } = remaining[0];
      const ofShape = remaining.filter((one) => one.n === n && one.d === d);
      remaining = remaining.filter((one) => !ofShape.includes(one));
      const rows = seededUpdates(n, d, seed);
      if (numpy instanceof Numpy) await numpy.load(rows);
      const placed = ours.place(rows);
      const read = await bandwidthReader(n * d * 4);
      const stage = { rows, placed, read, numpy, effort: quick ? quickEffort : fullEffort };
      for (const one of ofShape) {
        progress.next(one, cases.length);
        cases.push(await measureCase(one, stage));
      }
      placed.release();
    }
  } finally {
    if (numpy instanceof Numpy) numpy.stop();
  }
  return {
    suite: 'core',
    date,
    quick,
    threads: ours.threads,
    machine: on,
    numpy: numpy instanceof Numpy ? numpy.versions : { absent: numpy },
    cases,
  };
}

async function measureCase(of: Case, stage: Stage): Promise<CaseResult> {
  const { rule, n, d, parameters, without } = of;
  const { rows, placed, read, numpy, effort } = stage;
  const filled = { ...baselineDefaults, ...parameters };
  const columns = probeColumns(rule === 'distances' ? n * n : d);
  const disagreements: string[] = [];

  const contenders: Contender[] = [
    { kind: 'direct', name: 'read', run: read },
    placed.oneThread(of),
    placed.allThreads(of),
  ];
  if (!without.includes('full') && rule !== 'distances') contenders.push(placed.fullCall(of));

  const javaScript = without.includes('javascript') ? undefined : javaScriptRules.get(rule);
  const out = new Float32Array(d);
  if (javaScript !== undefined) {
    contenders.push({ kind: 'direct', name: 'JavaScript', run: () => javaScript(rows, filled, out) });
  }

  const variants =
    numpy instanceof Numpy && !without.includes('numpy') ? await numpy.variants(rule, filled) : [];
  const numpyProbes = new Map<string, readonly number[]>();
  for (const { name } of variants) {
    if (!(numpy instanceof Numpy)) break;
    const sample = async (repeats: number): Promise<readonly number[]> => {
      const { samplesMs, probe } = await numpy.time(rule, name, filled, repeats, columns);
      numpyProbes.set(name, probe);
      return samplesMs;
    };
    contenders.push({ kind: 'remote', name: `NumPy: ${name}`, sample });
  }

  const outcomes = await measure(contenders, effort);
  const figure = (name: string): Figure => asFigure(outcomes.get(name));

  const oneThread = figure('oneThread');
  if (isTiming(oneThread)) {
    const result = placed.result(of);
    const expected = columns.map((k) => result[k] ?? NaN);
    const check = (name: string, values: readonly number[]): void => {
      const away = disagreement(expected, values);
      if (away > tolerated)
        disagreements.push(`${name} differs by ${away.toExponential(1)} of the largest entry`);
    };
    if (isTiming(figure('JavaScript')) && rule !== 'distances') {
      check(
        'JavaScript',
        columns.map((k) => out[k] ?? NaN),
      );
    }
    for (const { name, exact } of variants) {
      if (exact && isTiming(figure(`NumPy: ${name}`))) check(`NumPy, ${name}`, numpyProbes.get(name) ?? []);
    }
  }

  const readFigure = figure('read');
  if (!isTiming(readFigure)) throw new Error(`the read bandwidth was not measured: ${readFigure.absent}`);
  return {
    rule,
    n,
    d,
    parameters,
    oneThread,
    allThreads: figure('allThreads'),
    fullCall: figure('fullCall'),
    javaScript: figure('JavaScript'),
    numpy: variants.map(({ name, exact }): NumpyFigure => ({
      variant: name,
      exact,
      figure: figure(`NumPy: ${name}`),
    })),
    read: readFigure,
    disagreements,
  };
}

function asFigure(outcome: Outcome | undefined): Figure {
  if (outcome === undefined) return { absent: '' };
  if (!(outcome instanceof Error)) return outcome;
  const code = 'code' in outcome ? String(outcome.code) : undefined;
  return { absent: code === 'SEARCH_TOO_LARGE' ? code : `${code ?? outcome.name}: ${outcome.message}` };
}

/** Columns spread over the whole result, including its first and last entry. */
function probeColumns(length: number): number[] {
  return Array.from({ length: probes }, (_, i) => Math.floor((i * (length - 1)) / (probes - 1)));
}

/** Relative to the largest entry. Float32 rounding and iterations that stop a step apart stay far below it. */
const tolerated = 1e-4;

function disagreement(expected: readonly number[], values: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs), Number.MIN_VALUE);
  const away = expected.map((value, i) => Math.abs(value - (values[i] ?? NaN)) / largest);
  return away.some(Number.isNaN) ? Infinity : Math.max(...away);
}
