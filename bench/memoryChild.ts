/**
 * One pipeline over a file of rows, in a process of its own. Its peak is the kernel's own count of resident memory
 * (VmHWM) where there is one: it begins anew with the program, while getrusage() may begin with the parent's.
 */
import { readFileSync } from 'node:fs';
import { aggregate, createEngine, nnm, openRows, pipeline, trimmedMean } from '../src/index.js';
import type { MemoryFigure, MemoryTask } from './memory.js';

function peakBytes(): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}

const task = JSON.parse(process.argv[2]) as MemoryTask;
const f = Math.floor(task.n / 5);
const idleBytes = peakBytes();
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
const figure: MemoryFigure = { pipeline: name, report, seconds, peakBytes: peakBytes(), idleBytes };
process.send?.(figure);
process.disconnect();
