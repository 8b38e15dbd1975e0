/** The child's end of child.ts: says where it listens, and what it has used when it is asked. */
import { peakMemoryBytes } from '../peakMemory.js';
import type { Listening, Usage } from './child.js';

export const childOptions = (): unknown => JSON.parse(process.argv[2] ?? '{}');

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    residentBytes: rss,
    peakBytes: peakMemoryBytes(),
    heapBytes: heapUsed,
    cpuMs: (user + system) / 1000,
  };
}

export function listening(port: number): void {
  process.on('message', () => process.send?.(usage()));
  process.once('disconnect', () => process.exit());
  process.send?.({ port } satisfies Listening);
}
