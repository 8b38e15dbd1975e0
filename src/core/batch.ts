/**
 * n rows of d float32 in an engine's own memory, where they are aggregated without being copied.
 *
 * Rows are 64-byte aligned and zero-padded. Where the distance between rows would be a power of two, one cache
 * line is added, for else all rows would compete for the same cache sets.
 */
import { QuorateError } from '../errors.js';
import type { Engine } from './engine.js';
import { type Arena, paddedColumns } from './memory.js';

function strideBytes(d: number): number {
  const bytes = paddedColumns(d) * 4;
  return bytes % 4096 === 0 ? bytes + 64 : bytes;
}

export class Batch {
  readonly n: number;
  readonly d: number;
  /** In whose memory the rows are. */
  readonly engine: Engine;
  private readonly arena: Arena;
  private readonly stride: number;
  private start: number | undefined;

  /** Made by `engine.batch(n, d)`. */
  constructor(engine: Engine, arena: Arena, n: number, d: number) {
    this.engine = engine;
    this.arena = arena;
    this.n = n;
    this.d = d;
    this.stride = strideBytes(d);
    this.start = arena.allocate(n * this.stride);
    arena.u8(this.start, n * this.stride).fill(0);
  }

  private get address(): number {
    if (this.start === undefined) throw new QuorateError('ENGINE_DISPOSED', 'this batch was released');
    this.engine.requireAlive();
    return this.start;
  }

  /**
   * Row i, to be read and written in place. Where memory can't be shared between threads (a page without
   * cross-origin isolation), a view lasts until the engine's memory grows: take it again after each call.
   *
   * @throws QuorateError INVALID_PARAMETER if there is no such row, ENGINE_DISPOSED after `release`
   */
  row(i: number): Float32Array {
    if (!Number.isInteger(i) || i < 0 || i >= this.n) {
      throw new QuorateError('INVALID_PARAMETER', `row ${i} of a batch of ${this.n}`, { row: i, n: this.n });
    }
    return this.arena.f32(this.rowAddress(i), this.d);
  }

  /** Where row i stands in the core's memory. */
  rowAddress(i: number): number {
    return this.address + i * this.stride;
  }

  /** Gives the memory back. Views on the rows must not be used any more. */
  release(): void {
    this.arena.release(this.address);
    this.start = undefined;
  }
}
