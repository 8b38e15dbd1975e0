/**
 * What is measured: every rule, on few and many rows, with parameters for one fifth of Byzantine rows, or for as many as
 * the rule tolerates.
 */
import { rules } from '../src/index.js';

export interface Case {
  readonly rule: string;
  readonly n: number;
  readonly d: number;
  /** The rule's parameters, with Quorate's names. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Baselines to leave out because they would take too long in a quick run. */
  readonly without: readonly Baseline[];
}

export type Baseline = 'javascript' | 'numpy' | 'full';

const fifth = (n: number): number => Math.floor(n / 5);

type Parameters = (n: number, d: number) => Readonly<Record<string, number>>;

const none: Parameters = () => ({});
const byzantineFifth: Parameters = (n) => ({ f: fifth(n) });

/** Parameters of the rules for which f = n / 5 is not enough. */
const ownParameters: Readonly<Record<string, Parameters>> = {
  bulyan: (n) => ({ f: Math.min(fifth(n), Math.floor((n - 3) / 4)) }),
  'geometric-median': () => ({ tolerance: 1e-6, maxIterations: 1000 }),
  // An honest row is about 0.4 √d from the others' center, so half of the distance is clipped.
  'centered-clipping': (_, d) => ({ tau: 0.2 * Math.sqrt(d), iterations: 3 }),
};

const parametersOf: Readonly<Record<string, Parameters>> = {
  ...Object.fromEntries(
    rules()
      .filter(({ kind }) => kind !== 'pre-aggregator')
      .map(({ name, parameters }) => {
        const usual = parameters.some((parameter) => parameter.name === 'f') ? byzantineFifth : none;
        return [name, ownParameters[name] ?? usual];
      }),
  ),
  distances: none, // not a rule, but most rules spend their time on it
  'nnm > trimmed-mean': byzantineFifth,
};

export const ruleNames: readonly string[] = Object.keys(parametersOf);

export function makeCase(rule: string, n: number, d: number, without: readonly Baseline[] = []): Case {
  const parameters = parametersOf[rule];
  if (parameters === undefined) throw new RangeError(`no case for ${rule}`);
  return { rule, n, d, parameters: parameters(n, d), without };
}

const million = 1_000_000;
const hundredThousand = 100_000;

/** Ordered by shape, so that each shape's data is generated once. */
function fullPlan(): Case[] {
  return [hundredThousand, million].flatMap((d) =>
    [10, 20, 50, 100].flatMap((n) => ruleNames.map((rule) => makeCase(rule, n, d))),
  );
}

/** A subset of the rules on short rows, and the cases that the targets need. */
function quickPlan(): Case[] {
  const some = ['mean', 'median', 'trimmed-mean', 'krum', 'geometric-median', 'nnm > trimmed-mean'];
  return [
    ...some.map((rule) => makeCase(rule, 10, hundredThousand)),
    ...[...some, 'distances'].map((rule) => makeCase(rule, 50, hundredThousand, ['full'])),
    ...['mean', 'median', 'trimmed-mean'].map((rule) => makeCase(rule, 10, million)),
    ...['krum', 'geometric-median', 'nnm > trimmed-mean'].map((rule) =>
      makeCase(rule, 20, million, ['javascript', 'full']),
    ),
    makeCase('median', 100, million, ['javascript', 'full']),
    makeCase('distances', 100, million, ['javascript', 'numpy', 'full']),
  ];
}

/** @returns the cases of a run. A rule outside the quick subset gets two quick cases of its own. */
export function planFor(quick: boolean, only?: string): Case[] {
  const plan = quick ? quickPlan() : fullPlan();
  if (only === undefined) return plan;
  const chosen = plan.filter(({ rule }) => rule === only);
  return chosen.length > 0 ? chosen : [10, 50].map((n) => makeCase(only, n, hundredThousand));
}
