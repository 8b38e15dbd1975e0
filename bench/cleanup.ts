/** Cleanup when the process exits for any reason: temporary folders, child processes. */

const tasks = new Set<() => void>();
let watching = false;

/**
 * @param task synchronous; runs when the process exits.
 * @returns a function that runs the task now instead.
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

/** Makes SIGINT and SIGTERM run the cleanup and exit with the customary code. */
export function exitOnSignals(): void {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
