/** A run in this process, round by round, by the library's own functions and nothing of the coordinator. */
import { aggregate } from '../../../src/aggregation/aggregate.js';
import type { Engine } from '../../../src/core/engine.js';
import { optimize } from '../../../src/optimizers/optimize.js';
import type { OptimizerState } from '../../../src/optimizers/serverOptimizer.js';
import { parseOptimizer } from '../../../src/optimizers/optimizersByName.js';
import { parsePipeline } from '../../../src/aggregation/pipeline.js';
import { vectorDigest } from '../../../src/aggregation/report.js';

export interface DirectRun {
  readonly pipeline: string;
  readonly optimizer: string;
  readonly updates: 'delta' | 'gradient' | 'weights';
  /** Of gradients, by round. */
  readonly rate?: (round: number) => number;
  readonly rounds: number;
  readonly start: Float32Array;
  /** The rows of a round, in the order of the nodes' ids. */
  readonly rows: (round: number) => readonly Float32Array[];
}

/** @returns the SHA-256 of the model after each round, the initial one's first */
export async function directRun(run: DirectRun, engine: Engine): Promise<string[]> {
  const optimizer = parseOptimizer(run.optimizer);
  let model = run.start;
  let state: OptimizerState | undefined;
  const digests = [vectorDigest(model)];
  for (let round = 1; round <= run.rounds; round++) {
    const { value } = await aggregate(run.rows(round), parsePipeline(run.pipeline), { engine });
    if (run.updates === 'weights' && run.optimizer === 'fed-avg') model = value;
    else {
      const change = delta(run, round, model, value);
      ({ model, state } = await optimize(model, change, optimizer, state, { engine }));
    }
    digests.push(vectorDigest(model));
  }
  return digests;
}

function delta({ updates, rate }: DirectRun, round: number, model: Float32Array, value: Float32Array) {
  if (updates === 'delta') return value;
  if (updates === 'weights') return value.map((entry, k) => Math.fround(entry - model[k]!));
  const factor = Math.fround(-(rate?.(round) ?? 1));
  return value.map((entry) => Math.fround(factor * entry));
}
