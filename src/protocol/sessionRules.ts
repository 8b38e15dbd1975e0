/** What in a session's configuration can't be true together, though each part is as it should be. */
import type { SessionConfig } from './session.js';

export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

/** Those that can be found without knowing the pipeline. */
export function findContradictions(config: SessionConfig): Contradiction[] {
  const { quorum, targetUpdates, selection, mode, updates, learningRate } = config;
  const { adaptiveDeadline, deadlineMs, retry, stopWhen } = config;
  const found: Contradiction[] = [];
  const refuseIf = (isWrong: boolean, path: string, message: string): void => {
    if (isWrong) found.push({ path: path.split('.'), message });
  };

  const atLeastQuorum = `must be at least the quorum, ${quorum}`;
  const sample = selection === 'all' ? Infinity : selection.sample;
  refuseIf(sample < quorum, 'selection.sample', atLeastQuorum);
  if (targetUpdates !== null) {
    refuseIf(targetUpdates < quorum, 'targetUpdates', atLeastQuorum);
    refuseIf(targetUpdates > sample, 'targetUpdates', `must be at most the sample, ${sample}`);
    refuseIf(mode !== 'sync', 'targetUpdates', 'must be null: a buffer closes at its bufferSize');
  }
  if (mode !== 'sync') {
    const { bufferSize } = mode.buffered;
    refuseIf(bufferSize < quorum, 'mode.buffered.bufferSize', atLeastQuorum);
    refuseIf(bufferSize > sample, 'mode.buffered.bufferSize', `must be at most the sample, ${sample}`);
    refuseIf(
      updates === 'weights',
      'updates',
      'must be delta or gradient in a buffer: old weights would undo rounds',
    );
  }
  refuseIf(
    updates !== 'gradient' && learningRate !== 1,
    'learningRate',
    `is for gradients; updates are '${updates}'`,
  );
  refuseIf(
    adaptiveDeadline !== null && adaptiveDeadline.leastMs > deadlineMs,
    'adaptiveDeadline.leastMs',
    `must be at most deadlineMs, ${deadlineMs}`,
  );
  refuseIf(retry.firstMs > retry.mostMs, 'retry.firstMs', `must be at most mostMs, ${retry.mostMs}`);
  refuseIf(
    stopWhen !== null && stopWhen.reaches === null && stopWhen.patience === null,
    'stopWhen',
    'needs reaches, patience, or both',
  );
  return found;
}
