import type { Run, Study } from '../../../examples/demo/study.js';

/** A study with the given final accuracies, by pipeline, distribution of the data, and attack. */
export function inventedStudy(accuracies: Record<string, Record<string, Record<string, number>>>): Study {
  const pipelines = Object.keys(accuracies);
  const data = Object.keys(accuracies[pipelines[0]!]!);
  const attacks = Object.keys(accuracies[pipelines[0]!]![data[0]!]!);
  const run = (where: string, attack: string, pipeline: string, accuracy: number): Run => ({
    data: where,
    attack,
    pipeline,
    measurements: [
      { round: 0, accuracy: 0.1 },
      { round: 10, accuracy: accuracy / 2 },
      { round: 20, accuracy },
    ],
  });
  return {
    seed: 1,
    nodes: 10,
    attackers: 3,
    rounds: 20,
    d: 25_450,
    testDigits: 1000,
    data: data.map((name) => ({ name, title: `${name} data`, detail: 'Invented.', held: [100, 200] })),
    attacks: attacks.map((name) => ({ name, what: `they do ${name}` })),
    pipelines,
    runs: pipelines.flatMap((pipeline) =>
      data.flatMap((where) =>
        attacks.map((attack) => run(where, attack, pipeline, accuracies[pipeline]![where]![attack]!)),
      ),
    ),
    honestAlone: data.map((where) => run(where, 'absent', 'mean', 0.87)),
    seconds: 12,
    aggregationSeconds: 3,
    aggregations: 400,
  };
}
