/**
 * The same training in this process: the nodes' own trainers and the server's own round step, without a network. The
 * same setting gives the same bits.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { nextModel, type Recipe } from '../../src/coordinator/session/nextModel.js';
import { arraySource } from '../../src/core/source.js';
import { createEngine, fedAvg, type OptimizerState, parsePipeline } from '../../src/index.js';
import { loadDigits, split } from '../mnist/digits.js';
import { createNetwork } from '../mnist/network.js';
import { behaviorOf, LEARNING_RATE, type Setting, trainConfigOf } from './setting.js';
import { createTrainer } from './trainer.js';

export interface Result {
  readonly model: Float32Array;
  /** SHA-256 of its bytes, in hex. */
  readonly digest: string;
}

export async function runInProcess(setting: Setting): Promise<Result> {
  const { nodes, seed, rounds } = setting;
  const config = { ...trainConfigOf(setting) };
  const { signal } = new AbortController();
  const recipe: Recipe = {
    pipeline: parsePipeline(setting.pipeline),
    optimizer: fedAvg(),
    updates: 'gradient',
    learningRate: { first: LEARNING_RATE, decay: 'linear' },
    examplesUpTo: null,
    rounds,
  };
  const trainers = await Promise.all(
    Array.from({ length: nodes }, (_, node) => createTrainer({ node, behavior: behaviorOf(setting, node) })),
  );
  const tensors = tensorsOf(setting);
  const facts = trainers.map(() => ({ numExamples: config.batchSize, staleness: 0 }));
  const engine = createEngine({ threads: 1 });
  let model: Float32Array = createNetwork(config.hidden).initialize(seed);
  let optimizer: OptimizerState | null = null;
  try {
    for (let round = 1; round <= rounds; round++) {
      const updates: Float32Array[] = [];
      for (const { train } of trainers) {
        const base = { round: round - 1, values: model.slice(), tensors };
        updates.push((await train({ model: base, round, config, signal })).update);
      }
      const next = await nextModel(
        recipe,
        { round, model, optimizer, rows: arraySource(updates), facts },
        { engine },
      );
      ({ model, optimizer } = next);
    }
  } finally {
    await engine.dispose();
  }
  return {
    model,
    digest: bytesToHex(sha256(new Uint8Array(model.buffer, model.byteOffset, model.byteLength))),
  };
}

/** The tensors of the initial model's safetensors file. */
const tensorsOf = (setting: Setting) =>
  createNetwork(trainConfigOf(setting).hidden).tensors.map(({ name, shape }) => ({ name, shape }));

/** Measures a model's accuracy on the digits that no node holds. */
export async function createJudge(setting: Setting): Promise<(model: Float32Array) => number> {
  const { hidden, testDigits, seed } = trainConfigOf(setting);
  const digits = await loadDigits();
  const { test } = split(digits, testDigits, seed);
  const network = createNetwork(hidden);
  return (model) => network.accuracy(model, digits, test);
}
