/**
 * Runs a scenario: every pipeline against every attack on every data distribution, one after the other, each from the
 * same initial model and the same batches. Nothing here draws or prints.
 */
import { aggregate, createEngine } from '../../src/index.js';
import { type Digits, split } from '../mnist/digits.js';
import { type Dishonesty, type Measurement, runFederation } from '../mnist/federation.js';
import { createNetwork } from '../mnist/network.js';
import { partition } from '../mnist/partition.js';
import { type PipelineSetting, pipelines, type Scenario } from './scenario.js';

/** One training run. Its last measurement is the result. */
export interface Run {
  readonly data: string;
  readonly attack: string;
  readonly pipeline: string;
  readonly measurements: readonly Measurement[];
}

export interface DataDescription {
  readonly name: string;
  readonly title: string;
  readonly detail: string;
  /** How many digits each node holds. */
  readonly held: readonly number[];
}

/** All measurements, as plain JSON data. */
export interface Study {
  readonly seed: number;
  readonly nodes: number;
  readonly attackers: number;
  readonly rounds: number;
  /** Number of model parameters. */
  readonly d: number;
  readonly testDigits: number;
  readonly data: readonly DataDescription[];
  readonly attacks: readonly { readonly name: string; readonly what: string }[];
  readonly pipelines: readonly string[];
  readonly runs: readonly Run[];
  /** The mean of the honest nodes alone: the best that a rule could do without the attackers' data. */
  readonly honestAlone: readonly Run[];
  readonly seconds: number;
  /** The share of those spent in aggregate(). */
  readonly aggregationSeconds: number;
  readonly aggregations: number;
}

export interface StudyOptions {
  readonly onStart?: (data: string, pipeline: string, attack: string) => void;
  readonly onRound?: (data: string) => void;
  readonly signal?: AbortSignal;
}

/** The name of the run without the attackers. */
const ABSENT = 'absent';

/** Training runs per data distribution: one per pipeline and attack, and one of the honest nodes alone. */
export const runsPerData = ({ pipelines, attacks }: Scenario): number =>
  pipelines.length * attacks.length + 1;

/** @throws the signal's reason once it is aborted */
export async function runStudy(
  scenario: Scenario,
  digits: Digits,
  options: StudyOptions = {},
): Promise<Study> {
  const { seed, nodes, attackers, rounds } = scenario;
  const started = performance.now();
  const network = createNetwork(scenario.hidden);
  const { train, test } = split(digits, scenario.testDigits, seed);
  const engine = createEngine({ threads: 1 });
  const runs: Run[] = [];
  const honestAlone: Run[] = [];
  const data: DataDescription[] = [];
  let aggregationMs = 0;
  let aggregations = 0;

  try {
    for (const { name, title, detail, partition: how } of scenario.data) {
      const held = partition(digits, train, nodes, how, seed);
      data.push({ name, title, detail, held: held.map(({ length }) => length) });

      const run = async (
        attack: string,
        dishonesty: Dishonesty,
        { name: pipeline, rule }: PipelineSetting,
      ) => {
        options.onStart?.(name, pipeline, attack);
        const into = new Float32Array(network.d);
        const measurements = await runFederation({
          ...scenario,
          network,
          digits,
          held,
          attackers,
          dishonesty,
          test,
          aggregate: async (updates) => {
            const start = performance.now();
            await aggregate(updates, rule, { engine, into, report: 'brief' });
            aggregationMs += performance.now() - start;
            aggregations++;
            return into;
          },
          onRound: () => options.onRound?.(name),
          ...(options.signal && { signal: options.signal }),
        });
        return { data: name, attack, pipeline, measurements };
      };

      honestAlone.push(await run(ABSENT, { kind: 'absent' }, pipelines(attackers)[0]!));
      for (const pipeline of scenario.pipelines) {
        for (const { name: attack, dishonesty } of scenario.attacks) {
          runs.push(await run(attack, dishonesty, pipeline));
        }
      }
    }
  } finally {
    await engine.dispose();
  }

  return {
    seed,
    nodes,
    attackers,
    rounds,
    d: network.d,
    testDigits: test.length,
    data,
    attacks: scenario.attacks.map(({ name, what }) => ({ name, what })),
    pipelines: scenario.pipelines.map(({ name }) => name),
    runs,
    honestAlone,
    seconds: (performance.now() - started) / 1000,
    aggregationSeconds: aggregationMs / 1000,
    aggregations,
  };
}
