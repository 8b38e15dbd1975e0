/** What the core suite needs from Quorate: rows that are placed once, and a contender for each way of calling it. */
import type { Case } from './cases.js';
import type { Contender } from './measure.js';

export interface Placed {
  /** Rows in the core's memory, brief report, one thread. */
  oneThread(of: Case): Contender;
  /** The same on every core. */
  allThreads(of: Case): Contender;
  /** An array of Float32Array, the full report, every core. */
  fullCall(of: Case): Contender;
  /** The result of the last call of oneThread. */
  result(of: Case): Float32Array | Float64Array;
  release(): void;
}

export interface Ours {
  readonly threads: number;
  place(rows: readonly Float32Array[]): Placed;
  dispose(): Promise<void>;
}
