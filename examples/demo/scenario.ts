/**
 * What the demo compares: pipelines, attacks and distributions of the digits.
 *
 * The attacks have their usual strengths, except inner-product manipulation: with 7 honest nodes and 3 attackers, the
 * mean reverses its direction only at tau > 7/3, so the usual 2 falls just short.
 */
import { attack } from '../../src/attacks/index.js';
import {
  arc,
  caf,
  geometricMedian,
  krum,
  mean,
  median,
  nnm,
  pipeline,
  type Pipeline,
  type Rule,
  trimmedMean,
} from '../../src/index.js';
import type { Dishonesty } from '../mnist/federation.js';
import type { Partition } from '../mnist/partition.js';

export interface DataSetting {
  readonly name: string;
  readonly title: string;
  /** How the digits were distributed. */
  readonly detail: string;
  readonly partition: Partition;
}

export interface AttackSetting {
  readonly name: string;
  /** What the attackers do, in a few words. */
  readonly what: string;
  readonly dishonesty: Dishonesty;
}

export interface PipelineSetting {
  readonly name: string;
  readonly rule: Rule | Pipeline;
}

export interface Scenario {
  readonly seed: number;
  readonly nodes: number;
  readonly attackers: number;
  readonly rounds: number;
  readonly evaluateEvery: number;
  readonly hidden: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly testDigits: number;
  readonly data: readonly DataSetting[];
  readonly attacks: readonly AttackSetting[];
  readonly pipelines: readonly PipelineSetting[];
}

const forging = (name: string, what: string, parameters?: object): AttackSetting => {
  const lies = attack(name, parameters);
  return { name, what, dishonesty: { kind: 'forging', attack: () => lies } };
};

const attacks: readonly AttackSetting[] = [
  { name: 'none', what: 'all ten nodes are honest', dishonesty: { kind: 'none' } },
  forging('sign-flipping', 'send −μ, the negated honest mean'),
  forging('inner-product-manipulation', 'send −3μ', { tau: 3 }),
  forging('a-little-is-enough', 'send μ + 1.5σ in every coordinate'),
  {
    name: 'label-flipping',
    what: 'train honestly, but on wrong labels (9 − y)',
    dishonesty: { kind: 'label-flipping' },
  },
];

export function pipelines(f: number): PipelineSetting[] {
  return [
    { name: 'mean', rule: mean() },
    { name: 'median', rule: median() },
    { name: 'trimmed-mean', rule: trimmedMean({ f }) },
    { name: 'krum', rule: krum({ f }) },
    { name: 'geometric-median', rule: geometricMedian() },
    { name: 'caf', rule: caf({ f }) },
    { name: 'nnm > trimmed-mean', rule: pipeline(nnm({ f }), trimmedMean({ f })) },
    { name: 'arc > nnm > trimmed-mean', rule: pipeline(arc({ f }), nnm({ f }), trimmedMean({ f })) },
  ];
}

export interface ScenarioChoices {
  readonly seed: number;
  /** Defaults to 100, or 40 if quick. */
  readonly rounds?: number;
  /** Fewer rounds, attacks and pipelines; takes seconds. */
  readonly quick?: boolean;
}

export function createScenario({ seed, rounds, quick = false }: ScenarioChoices): Scenario {
  const attackers = 3;
  const all = pipelines(attackers);
  const chosenRounds = rounds ?? (quick ? 40 : 100);
  return {
    seed,
    nodes: 10,
    attackers,
    rounds: chosenRounds,
    evaluateEvery: Math.max(1, Math.floor(chosenRounds / 10)),
    hidden: 32,
    batchSize: 16,
    learningRate: 1.5,
    momentum: 0.9,
    testDigits: 1000,
    data: [
      {
        name: 'uniform',
        title: 'Every node holds the same mix of digits',
        detail: 'Distributed at random, the same number to each node.',
        partition: { kind: 'uniform' },
      },
      {
        name: 'heterogeneous',
        title: 'Every node holds a different mix of digits',
        detail: 'For each digit, the nodes’ shares were drawn from a Dirichlet distribution with α = 1.',
        partition: { kind: 'dirichlet', alpha: 1 },
      },
    ],
    attacks: quick ? attacks.filter(({ name }) => /^none|^inner|^label/.test(name)) : attacks,
    pipelines: quick ? all.filter(({ name }) => /^mean|^trimmed|^nnm/.test(name)) : all,
  };
}
