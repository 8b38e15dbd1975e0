/**
 * This process's peak of resident memory. Uses the kernel's VmHWM if available, because it starts over with the program;
 * getrusage() may start with the parent's peak.
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
