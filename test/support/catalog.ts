/** Every rule and some pipelines, with parameters that suit n rows of which f may lie. */
import type { RuleFactory } from '../../src/rules/rule.js';
import { rules, type Stages } from './library.js';
import type { RuleName } from './names.js';
import { sampleParameters } from './samples.js';

export interface Entry {
  readonly stages: (n: number, f: number) => Stages;
  /** The fewest rows for this f. */
  readonly least: (f: number) => number;
  /** The value moves with the rows when all are moved alike. */
  readonly translates: boolean;
  /** The order of the rows is of no account (where no two rows are equally good). */
  readonly symmetric: boolean;
  /** Parameters that have the unit of the data, to be scaled with it. */
  readonly scaled?: (n: number, f: number, factor: number) => Stages;
  /** Attackers, f of them, cannot move the value beyond some bound. */
  readonly robust: boolean;
  /** A vote, whose value does not scale with the rows. */
  readonly vote?: true;
}

const majority = (f: number): number => 2 * f + 1;
const anything = (): number => 1;

/** What holds for most rules: a rule that is like them needs no line below. */
function usual(factory: (typeof rules)[RuleName]): Entry {
  const { definition } = factory as Pick<RuleFactory, 'definition'>;
  return {
    stages: (_, f) => [[definition.name as RuleName, sampleParameters(factory, f)]],
    least: (f) => Math.max(majority(f), definition.minUpdates(sampleParameters(factory, f))),
    translates: true,
    symmetric: true,
    robust: true,
  };
}

const exceptions: Readonly<Partial<Record<RuleName, Partial<Entry>>>> = {
  mean: { least: anything, robust: false },
  'sign-vote': {
    stages: () => [['sign-vote', { step: 0.5 }]],
    least: anything,
    translates: false,
    vote: true,
  },
  // One more than the rule needs: with a single neighbor, the two rows nearest to each other tie.
  krum: { least: (f) => Math.max(4, 2 * f + 3) },
  'multi-krum': { least: (f) => Math.max(4, 2 * f + 3) },
  // Its last choices are among few rows with one neighbor each, where mutual neighbors tie.
  bulyan: { symmetric: false },
  // Subsets of equal diameter are common, and the first is taken.
  mda: { symmetric: false },
  monna: { symmetric: false },
  'centered-clipping': {
    stages: () => [['centered-clipping', { tau: 3, iterations: 2 }]],
    translates: false,
    scaled: (_n, _f, factor) => [['centered-clipping', { tau: 3 * factor, iterations: 2 }]],
  },
  cge: { translates: false },
};

const pipelines: Readonly<Record<string, Entry>> = {
  'nnm > trimmed-mean': {
    stages: (_, f) => [
      ['nnm', { f }],
      ['trimmed-mean', { f }],
    ],
    least: majority,
    translates: true,
    symmetric: true,
    robust: true,
  },
  'nnm > geometric-median': {
    stages: (_, f) => [
      ['nnm', { f }],
      ['geometric-median', {}],
    ],
    least: majority,
    translates: true,
    symmetric: true,
    robust: true,
  },
  'arc > median': {
    stages: (_, f) => [['arc', { f }], ['median']],
    least: majority,
    translates: false,
    symmetric: true,
    robust: true,
  },
  'clipping > multi-krum': {
    stages: (_, f) => [
      ['clipping', { c: 6 }],
      ['multi-krum', { f }],
    ],
    least: (f) => Math.max(4, 2 * f + 3),
    translates: false,
    symmetric: true,
    robust: true,
    scaled: (_n, f, factor) => [
      ['clipping', { c: 6 * factor }],
      ['multi-krum', { f }],
    ],
  },
  'bucketing > median': {
    stages: () => [['bucketing', { s: 2, seed: 11 }], ['median']],
    least: (f) => 4 * f + 1,
    translates: true,
    symmetric: false,
    robust: true,
  },
};

export const catalog: Readonly<Record<string, Entry>> = {
  ...Object.fromEntries(
    Object.entries(rules).map(([name, factory]) => [
      name,
      { ...usual(factory), ...exceptions[name as RuleName] },
    ]),
  ),
  ...pipelines,
};
