/** A run on disk that is the same whenever it is made, in one life of the process or in several. */
import { createCoordinator } from '../../../src/coordinator/index.js';
import type { UpdateReceipt } from '../../../src/protocol/views.js';
import { openDiskStoreOn } from '../../../src/store/disk/diskStore.js';
import type { Files } from '../../../src/files/files.js';
import { nodeName, Scene, SESSION, startModel, tensors, testEngine, updateOf } from './scene.js';

export const NODES = 3;
export const ROUNDS = 3;
export const D = 100;

/** As long as a test may look at any of them. */
const keep = { keepRounds: 100, keepCheckpoints: 100 };

/** All that comes before the first update. Harmless if repeated. */
export async function openRun(folder: string, files: Files): Promise<Scene> {
  const errors: unknown[] = [];
  const store = await openDiskStoreOn(files, { folder, ...keep });
  const onError = (error: unknown) => errors.push(error);
  const coordinator = await createCoordinator({ store, engine: testEngine(), onError });
  const stage = new Scene(coordinator, errors);
  await stage.register(NODES);
  const { status, model } = await coordinator.createSession({
    id: SESSION,
    pipeline: 'nnm(f=1) > trimmed-mean(f=1)',
    optimizer: 'fed-adam',
    quorum: NODES,
    rounds: ROUNDS,
  });
  if (!model) await coordinator.setModel(SESSION, { tensors: tensors(D), values: startModel(D) });
  if (status === 'created') await coordinator.start(SESSION);
  return stage;
}

/** An evaluation that was acknowledged. */
export interface Evaluated {
  readonly evaluated: number;
  readonly node: string;
}

/** What a node measures of a round's model. */
export const accuracyOf = (node: number, round: number): number => (round * NODES + node) / 64;

/**
 * Sends what the rounds ask for, to the session's end. What was acknowledged of the newest model's evaluations is not
 * sent again: it must have been kept.
 */
export async function finishRun(
  stage: Scene,
  onReceipt: (receipt: UpdateReceipt | Evaluated) => void,
  acknowledged: readonly Evaluated[] = [],
): Promise<void> {
  for (;;) {
    const { status, committed } = stage.coordinator.session(SESSION);
    if (committed > 0) await evaluate(stage, committed, onReceipt, acknowledged);
    if (status === 'completed') return;
    const round = committed + 1;
    await Promise.all(
      Array.from({ length: NODES }, async (_, node) =>
        onReceipt(await stage.send(node, round, updateOf(node, round, D))),
      ),
    );
    await stage.committed(round);
  }
}

async function evaluate(
  { coordinator }: Scene,
  round: number,
  onReceipt: (receipt: Evaluated) => void,
  acknowledged: readonly Evaluated[],
): Promise<void> {
  const before = acknowledged.filter(({ evaluated }) => evaluated === round).map(({ node }) => node);
  await Promise.all(
    Array.from({ length: NODES }, async (_, node) => {
      const name = nodeName(node);
      if (before.includes(name)) return;
      const metrics = { accuracy: accuracyOf(node, round) };
      await coordinator.receiveEvaluation(SESSION, round, name, { metrics, numExamples: null });
      onReceipt({ evaluated: round, node: name });
    }),
  );
}
