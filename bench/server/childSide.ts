/** The child's end of child.ts: reports its port, and its resource usage on request. */
import { readdirSync } from 'node:fs';
import { peakMemoryBytes } from '../peakMemory.js';
import type { Listening, Usage } from './child.js';

export const childOptions = (): unknown => JSON.parse(process.argv[2] ?? '{}');

function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

function usage(): Usage {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    residentBytes: rss,
    peakBytes: peakMemoryBytes(),
    heapBytes: heapUsed,
    descriptors: descriptors(),
    handles: process.getActiveResourcesInfo().length,
    cpuMs: (user + system) / 1000,
  };
}

export function listening(port: number): void {
  process.on('message', () => process.send?.(usage()));
  process.once('disconnect', () => process.exit());
  process.send?.({ port } satisfies Listening);
}
