/** The machine on which figures were measured, as stored with them. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** The load average of the last minute: near 0 on a quiet machine, always 0 on Windows. */
  readonly load: number;
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    load: loadavg()[0]!,
  };
}

export function describeMachine(on: Machine): string {
  const memory = `${Math.round(on.memoryBytes / 2 ** 30)} GiB`;
  return `${on.processor}, ${on.cores} cores, ${memory}, ${on.platform}, Node ${on.node}`;
}

/** @returns a warning if other work used the cores. */
export function busy({ load, cores }: Machine): string[] {
  if (load < cores / 2) return [];
  return [
    `The machine was busy at the start of the run (load ${load.toFixed(1)} on ${cores} cores): times are too long; ratios are less affected.`,
  ];
}
