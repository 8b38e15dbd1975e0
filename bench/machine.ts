/** What the figures were measured on, to be written beside them. */
import { availableParallelism, cpus, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
  };
}

export function describeMachine(on: Machine): string {
  const memory = `${Math.round(on.memoryBytes / 2 ** 30)} GiB`;
  return `${on.processor}, ${on.cores} cores, ${memory}, ${on.platform}, Node ${on.node}`;
}
