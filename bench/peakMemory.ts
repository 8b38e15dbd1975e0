/**
 * A process's own peak of resident memory: the kernel's count (VmHWM) where there is one, for it begins anew with the
 * program, while that of getrusage() may begin with the parent's.
 */
import { readFileSync } from 'node:fs';

export function peakMemoryBytes(): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}
