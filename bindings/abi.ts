/**
 * What the compiled core offers, and what a host (Node, a browser, inline bytes) must offer to run it.
 */
import type { instantiate } from './coreTypes.generated.js';

/** The kernels of assembly/, with the types that asc derived. Pointers are byte addresses. */
export type CoreExports = Awaited<ReturnType<typeof instantiate>>;

/**
 * Columns that a kernel is called on at a time. Part of every result's definition: sums over columns are taken
 * within a segment and then over the segments in order, so threads, tiles and sources don't change a bit of it.
 * Also short enough that V8 replaces its baseline code between calls.
 */
export const SEGMENT_COLUMNS = 8_192;
/** Segments of a weighted sum that are one call: it is faster on long runs of columns, and adds up none of them. */
export const SEGMENTS_A_WEIGHTED_SUM = 4;

/** The largest memory, in 64 KiB pages: all of 4 GiB but the last page, at whose end pointers would wrap to 0. */
export const MAX_PAGES = 65_535;
export const PAGE_BYTES = 65_536;

/** Layout of a staged tile of columns (assembly/selection.ts): the bytes from a row to the next, and its columns. */
export const TILE_PITCH_BYTES = 1088;
export const TILE_COLUMNS = 256;

/** A running SHA-256. */
export interface Hash {
  update(bytes: Uint8Array): void;
  hex(): string;
}

/** One compute thread, as the engine sees it. */
export interface ComputeThread {
  send(message: unknown): void;
  /** Messages from the thread, and its end if it ends by itself. */
  listen(onMessage: (message: unknown) => void, onEnd: (reason: Error) => void): void;
  /** Whether the thread keeps the process alive: only while it has work. */
  hold(active: boolean): void;
  stop(): Promise<void>;
}

export interface Host {
  readonly hardwareThreads: number;
  /** Whether memory can be shared with compute threads; if not, everything runs on the caller's. */
  readonly canShareMemory: boolean;
  readonly defaultMemoryLimitBytes: number;
  /** The core, compiled once per process. */
  compileCore(shared: boolean): Promise<WebAssembly.Module>;
  startThread(): ComputeThread;
  sha256(): Hash;
}
