/** The file that a run writes, bench-output/results.json. The table, the chart and the Markdown come from it. */
import type { NumpyVersions } from './baselines/numpy.js';
import type { Machine } from './machine.js';
import type { Timing } from './statistics.js';

/** A missing figure, with the reason: one of Quorate's error codes, or a sentence. */
export interface Absent {
  readonly absent: string;
}

export type Figure = Timing | Absent;

export interface NumpyFigure {
  readonly variant: string;
  /** False if the variant loses precision, so that it doesn't count as a comparison. */
  readonly exact: boolean;
  readonly figure: Figure;
}

export interface CaseResult {
  readonly rule: string;
  readonly n: number;
  readonly d: number;
  readonly parameters: Readonly<Record<string, number>>;
  /** Rows in the core's memory, brief report, one thread. */
  readonly oneThread: Figure;
  /** The same with every core. */
  readonly allThreads: Figure;
  /** The default call: an array of Float32Array, every core, the full report. */
  readonly fullCall: Figure;
  readonly javaScript: Figure;
  readonly numpy: readonly NumpyFigure[];
  /** Reading n × d float32 once, one thread. */
  readonly read: Timing;
  /** Results that differ from Quorate's by more than rounding; must be empty. */
  readonly disagreements: readonly string[];
}

export interface Results {
  readonly suite: 'core';
  readonly date: string;
  readonly quick: boolean;
  readonly threads: number;
  readonly machine: Machine;
  readonly numpy: NumpyVersions | Absent;
  readonly cases: readonly CaseResult[];
}

export const isTiming = (figure: Figure | undefined): figure is Timing =>
  figure !== undefined && 'medianMs' in figure;

/** @returns the fastest of NumPy's exact variants */
export function fastestNumpy(result: CaseResult): { variant: string; medianMs: number } | undefined {
  const timed = result.numpy.flatMap(({ variant, exact, figure }) =>
    exact && isTiming(figure) ? [{ variant, medianMs: figure.medianMs }] : [],
  );
  return timed.sort((a, b) => a.medianMs - b.medianMs)[0];
}

/** @returns how many times as long `other` takes; undefined if either is absent */
export function ratio(other: Figure | undefined, ours: Figure): number | undefined {
  return isTiming(other) && isTiming(ours) ? other.medianMs / ours.medianMs : undefined;
}
