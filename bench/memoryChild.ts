/** Runs one pipeline over a file of rows, in a process with its own peak of resident memory. */
import { aggregate, createEngine, nnm, openRows, pipeline, trimmedMean } from '../src/index.js';
import type { MemoryFigure, MemoryTask } from './memory.js';
import { peakMemoryBytes } from './peakMemory.js';

const task = JSON.parse(process.argv[2]!) as MemoryTask;
const f = Math.floor(task.n / 5);
const idleBytes = peakMemoryBytes();
const engine = createEngine({ memoryLimitBytes: task.memoryLimitBytes });
const rows = await openRows(task.file, { n: task.n, d: task.d });
const options = { engine, report: task.report };

const started = performance.now();
if (task.pipeline === 'nnm > trimmed-mean') {
  await aggregate(rows, pipeline(nnm({ f }), trimmedMean({ f })), options);
} else {
  const parameters = ['trimmed-mean', 'krum'].includes(task.pipeline) ? { f } : {};
  await aggregate(rows, task.pipeline, parameters, options);
}
const seconds = (performance.now() - started) / 1000;

await rows.close();
await engine.dispose();
const { pipeline: name, report } = task;
const figure: MemoryFigure = { pipeline: name, report, seconds, peakBytes: peakMemoryBytes(), idleBytes };
process.send?.(figure);
process.disconnect();
