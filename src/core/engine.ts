/** Engines: the core on its own memory, with its compute threads; and batches of rows in that memory. */
import {
  type CoreExports,
  type Host,
  MAX_PAGES,
  PAGE_BYTES,
  SEGMENT_COLUMNS,
  TILE_PITCH_BYTES,
} from '../../bindings/abi.js';
import { Compute } from '../../bindings/compute.js';
import { instantiateCore } from '../../bindings/instantiate.js';
import { type Job, scratchLayout, type Work } from '../../bindings/job.js';
import { QuorateError } from '../errors.js';
import { currentHost } from './host.js';
import { Allocation, Arena, paddedColumns } from './memory.js';
import { Threads } from './threads.js';
import { refuseUnknown, requireWholeNumber } from './validation.js';

/** Options of `createEngine`. */
export interface EngineOptions {
  /** Number of compute threads, including the caller's, from 1 to 256. Default: one per processor. */
  readonly threads?: number;
  /**
   * Limit on the engine's memory, from 1 MiB to 4 GiB: batches, and the tiles through which other updates are read.
   * Default: 4 GiB, in browsers 1 GiB.
   */
  readonly memoryLimitBytes?: number;
  /**
   * Whether to compile selection networks at run time. Interpreted networks give the same bits, more slowly. If the
   * host forbids compiling, networks are interpreted in any case. Default: true.
   */
  readonly compileNetworks?: boolean;
}

/** Below this, in vector operations, one thread is faster than handing over to two: 0.3 ms. */
const SOLO_OPERATIONS = 1_000_000;
/** Enough for a tile of a few rows. */
const MIN_MEMORY_BYTES = 1024 * 1024;

interface Core {
  readonly module: WebAssembly.Module;
  readonly exports: CoreExports;
  readonly compute: Compute;
}

/** What a task may use while it has the engine to itself. */
export interface EngineSession {
  readonly core: CoreExports;
  readonly arena: Arena;
  /** Runs one kernel over a tile's columns on all threads; `meanwhile` runs here while the others compute. */
  run(work: Work, columns: number, operations: number, meanwhile?: () => void): Promise<Proofs>;
  /** Compiles a selection's module and sends it to all threads. False if the host doesn't allow compiling. */
  teach(name: string, bytes: () => Uint8Array<ArrayBuffer>): Promise<boolean>;
}

/** Whether all inputs and all results of a job are finite. `inputsFinite` may be false if a sum of finite inputs overflows. */
export interface Proofs {
  readonly inputsFinite: boolean;
  readonly resultsFinite: boolean;
}

/**
 * An instance of the WebAssembly core: its memory and its compute threads. Made by `createEngine`.
 *
 * An engine runs one call at a time; concurrent calls queue. Engines are independent of each other. Idle threads don't
 * keep the process alive.
 */
export class Engine {
  /** Number of compute threads, including the caller's. 1 where memory can't be shared between threads. */
  readonly threads: number;
  /** Limit on the engine's memory. */
  readonly memoryLimitBytes: number;
  /** Whether the memory is shared between threads; false on pages that are not cross-origin isolated. */
  readonly sharedMemory: boolean;
  private readonly host: Host;
  private readonly arena: Arena;
  private readonly pool: Threads;
  private readonly mayCompile: boolean;
  private readonly compiledSelections = new Map<string, boolean>();
  private core: Promise<Core> | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private disposed = false;

  /** @internal */
  constructor(options: EngineOptions, host: Host) {
    refuseUnknown('createEngine', options, ['threads', 'memoryLimitBytes', 'compileNetworks']);
    const { threads = host.hardwareThreads, memoryLimitBytes = host.defaultMemoryLimitBytes } = options;
    requireWholeNumber('threads', threads, 1, 256);
    requireWholeNumber('memoryLimitBytes', memoryLimitBytes, MIN_MEMORY_BYTES, 2 ** 32);
    this.host = host;
    this.sharedMemory = host.canShareMemory;
    this.threads = host.canShareMemory ? threads : 1;
    this.memoryLimitBytes = Math.min(memoryLimitBytes, MAX_PAGES * PAGE_BYTES);
    this.mayCompile = options.compileNetworks ?? true;
    this.arena = new Arena(this.memoryLimitBytes, this.sharedMemory);
    this.pool = new Threads(host, this.threads - 1);
  }

  /**
   * Allocates n rows of d float32, all zero, in the engine's memory, to be aggregated without a copy.
   *
   * @throws QuorateError INVALID_PARAMETER, MEMORY_LIMIT, ENGINE_DISPOSED
   * @example
   * const batch = engine.batch(updates.length, d);
   * updates.forEach((update, i) => batch.row(i).set(update));
   * const { value } = await aggregate(batch, median());
   * batch.release();
   */
  batch(n: number, d: number): Batch {
    this.requireAlive();
    requireWholeNumber('n', n, 1, 2 ** 24);
    requireWholeNumber('d', d, 1, 2 ** 32);
    return new Batch(this, this.arena, n, d);
  }

  /**
   * Runs a task that has the engine to itself, after all earlier ones.
   *
   * @internal
   * @throws QuorateError ENGINE_DISPOSED
   */
  exclusive<T>(task: (session: EngineSession) => T | Promise<T>): Promise<T> {
    const turn = this.tail.then(async () => {
      this.requireAlive();
      const core = await (this.core ??= this.start());
      return task(this.session(core));
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  /**
   * @internal
   * @throws QuorateError ENGINE_DISPOSED
   */
  requireAlive(): void {
    if (this.disposed) throw new QuorateError('ENGINE_DISPOSED', 'this engine was disposed');
  }

  private async start(): Promise<Core> {
    const module = await this.host.compileCore(this.sharedMemory);
    const exports = await instantiateCore(module, this.arena.memory);
    return { module, exports, compute: new Compute(exports, this.arena.memory) };
  }

  private session(core: Core): EngineSession {
    return {
      core: core.exports,
      arena: this.arena,
      run: (work, columns, operations, meanwhile) => this.run(core, work, columns, operations, meanwhile),
      teach: (name, bytes) => this.teach(core, name, bytes),
    };
  }

  private async run(
    core: Core,
    work: Work,
    columns: number,
    operations: number,
    meanwhile?: () => void,
  ): Promise<Proofs> {
    const alone = this.threads === 1 || columns <= SEGMENT_COLUMNS || operations < SOLO_OPERATIONS;
    const allocation = new Allocation(this.arena);
    try {
      const { bytes: scratchBytes } = scratchLayout(work, TILE_PITCH_BYTES);
      const counter = allocation.take(64);
      const flags = counter + 8;
      this.arena.u32(counter, 4).fill(0);
      const scratch = allocation.take(Math.max(64, scratchBytes * (alone ? 1 : this.threads)));
      const job: Job = { work, columns, counter, flags, scratch, scratchBytes };
      const others = alone ? undefined : this.pool.run(job, core.module, this.arena.memory);
      try {
        meanwhile?.();
        core.compute.run(job, 0);
      } finally {
        await others; // even after a failure: no thread may still use the blocks when they are released
      }
      const [inputs, results] = this.arena.u32(flags, 2);
      return { inputsFinite: inputs === 0, resultsFinite: results === 0 };
    } finally {
      allocation.releaseAll();
    }
  }

  private async teach(core: Core, name: string, bytes: () => Uint8Array<ArrayBuffer>): Promise<boolean> {
    let known = this.compiledSelections.get(name);
    if (known === undefined) {
      known = this.mayCompile && (await this.tryTeach(core, name, bytes()));
      this.compiledSelections.set(name, known);
    }
    return known;
  }

  private async tryTeach(core: Core, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    let module;
    try {
      module = await WebAssembly.compile(bytes);
    } catch {
      return false; // a page's policy may forbid it
    }
    await core.compute.learn(name, module);
    this.pool.learn(name, module);
    return true;
  }

  /**
   * Waits for calls in progress, then stops the threads. Later calls throw ENGINE_DISPOSED. The memory is freed with the
   * last reference to the engine and its batches. May be called repeatedly.
   */
  async dispose(): Promise<void> {
    this.disposed = true;
    await this.tail;
    await this.pool.stop();
  }
}

/**
 * Creates an engine with its own threads and memory limit. The core is loaded at first use.
 *
 * @throws QuorateError INVALID_PARAMETER, UNKNOWN_PARAMETER, MEMORY_LIMIT
 * @example
 * const engine = createEngine({ threads: 2, memoryLimitBytes: 256 * 2 ** 20 });
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(options, currentHost());
}

let shared: Engine | undefined;

/** The engine of all calls without one; created when first needed. */
export function defaultEngine(): Engine {
  shared ??= createEngine();
  return shared;
}

/**
 * Bytes from one row of a batch to the next. Rows are 64-byte aligned and zero-padded. If the stride would be a multiple
 * of 4096 bytes, one cache line is added; otherwise all rows would compete for the same cache sets.
 */
function strideBytes(d: number): number {
  const bytes = paddedColumns(d) * 4;
  return bytes % 4096 === 0 ? bytes + 64 : bytes;
}

/** n rows of d float32 in an engine's memory, aggregated without a copy. Made by `engine.batch(n, d)`. */
export class Batch {
  /** Number of rows. */
  readonly n: number;
  /** Entries per row. */
  readonly d: number;
  /** The engine whose memory holds the rows. */
  readonly engine: Engine;
  private readonly arena: Arena;
  private readonly stride: number;
  private start: number | undefined;

  /** @internal */
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
   * A view on row i, to read and write in place. If `engine.sharedMemory` is false, the view becomes detached when the
   * engine's memory grows, so call `row` again after each call on the engine.
   *
   * @throws QuorateError INVALID_PARAMETER if there is no such row; ENGINE_DISPOSED after `release` or `engine.dispose`
   */
  row(i: number): Float32Array {
    if (!Number.isInteger(i) || i < 0 || i >= this.n) {
      throw new QuorateError('INVALID_PARAMETER', `row ${i} of a batch of ${this.n}`, { row: i, n: this.n });
    }
    return this.arena.f32(this.rowAddress(i), this.d);
  }

  /**
   * The address of row i in the core's memory.
   *
   * @internal
   */
  rowAddress(i: number): number {
    return this.address + i * this.stride;
  }

  /**
   * Frees the memory. Views on the rows must not be used afterwards.
   *
   * @throws QuorateError ENGINE_DISPOSED if it was released before
   */
  release(): void {
    this.arena.release(this.address);
    this.start = undefined;
  }
}
