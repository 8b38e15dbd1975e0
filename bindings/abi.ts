/** The interface between the compiled core and the hosts that run it: Node, browsers, inlined bytes. */
import type { instantiate } from './coreTypes.generated.js';

/** The kernels of assembly/, with the types that asc generates. Pointers are byte addresses. */
export type CoreExports = Awaited<ReturnType<typeof instantiate>>;

/**
 * Number of columns that a kernel processes per call. It is part of every result's definition: sums over columns are
 * taken within a segment, then over the segments in order, so that threads, tiles and sources don't change a bit. It is
 * also small enough for V8 to replace baseline code between calls.
 */
export const SEGMENT_COLUMNS = 8_192;
/** Segments per call of a weighted sum, which is faster on long runs and sums nothing over columns. */
export const SEGMENTS_A_WEIGHTED_SUM = 4;

/** The largest memory, in pages: 4 GiB less the last page, at whose end pointers would wrap to 0. */
export const MAX_PAGES = 65_535;
/** Size of a WebAssembly page. */
export const PAGE_BYTES = 65_536;

/** Bytes from one row to the next in a staged tile (assembly/selection.ts). */
export const TILE_PITCH_BYTES = 1088;
/** Columns of a staged tile. */
export const TILE_COLUMNS = 256;

/** A running SHA-256. */
export interface Hash {
  update(bytes: Uint8Array): void;
  hex(): string;
}

/** One compute thread, as the engine sees it. */
export interface ComputeThread {
  send(message: unknown): void;
  /** `onEnd` is called if the thread ends by itself. */
  listen(onMessage: (message: unknown) => void, onEnd: (reason: Error) => void): void;
  /** Whether the thread keeps the process alive; true only while it has work. */
  hold(active: boolean): void;
  stop(): Promise<void>;
}

/** What a host provides. */
export interface Host {
  readonly hardwareThreads: number;
  /** Whether memory can be shared with compute threads. If not, everything runs on the caller's thread. */
  readonly canShareMemory: boolean;
  readonly defaultMemoryLimitBytes: number;
  /** The core, compiled once per process. */
  compileCore(shared: boolean): Promise<WebAssembly.Module>;
  startThread(): ComputeThread;
  sha256(): Hash;
}
