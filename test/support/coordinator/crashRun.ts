/** A run on disk that is the same whenever it is made, in one life of the process or in several. */
import { createCoordinator } from '../../../src/coordinator/index.js';
import type { UpdateReceipt } from '../../../src/protocol/views.js';
import { openDiskStoreOn } from '../../../src/store/disk.js';
import type { Files } from '../../../src/store/files.js';
import { Scene, SESSION, startModel, tensors, testEngine, updateOf } from './scene.js';

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

/** Sends what the rounds ask for, to the session's end. */
export async function finishRun(stage: Scene, onReceipt: (receipt: UpdateReceipt) => void): Promise<void> {
  for (;;) {
    const { status, committed } = stage.coordinator.session(SESSION);
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
