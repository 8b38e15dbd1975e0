/** Things to be undone when the process ends, however it ends: temporary folders, child processes. */

const tasks = new Set<() => void>();
let watching = false;

/**
 * @param task synchronous; runs when the process exits.
 * @returns a function that runs the task now, and not again.
 */
export function atExit(task: () => void): () => void {
  if (!watching) {
    watching = true;
    process.once('exit', () => {
      for (const remaining of tasks) remaining();
    });
  }
  tasks.add(task);
  return () => {
    if (tasks.delete(task)) task();
  };
}

/** Ctrl-C, or being told to end: undo, and say so with the customary exit code. */
export function exitOnSignals(): void {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
