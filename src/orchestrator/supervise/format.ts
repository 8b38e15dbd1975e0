/** Ends and times in words. */
import type { Exit } from './state.js';

export function formatExit({ code, signal, message }: Exit): string {
  if (message !== null) return `could not be started: ${message}`;
  if (signal !== null) return `ended by ${signal}`;
  return `ended with ${code ?? 'no code'}`;
}

/** '250 ms', '1.5 s', '10 min' */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const [value, unit] =
    ms < 60_000 ? [ms / 1000, 's'] : ms < 3_600_000 ? [ms / 60_000, 'min'] : [ms / 3_600_000, 'h'];
  return `${Number(value.toFixed(1))} ${unit}`;
}
