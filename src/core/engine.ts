/**
 * An engine: the core on its own memory, and its threads. It runs one task at a time; others wait their turn, so
 * concurrent calls can't disturb one another. Several engines are independent.
 */
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

export interface EngineOptions {
  /** Compute threads, the caller's own among them. Default: one for each processor. */
  readonly threads?: number;
  /** Bound on the core's memory: batches, and the tiles that other updates are read through. At most, and by default, 4 GiB; in a browser the default is 1 GiB. */
  readonly memoryLimitBytes?: number;
  /**
   * Whether selection networks may be compiled at run time; if false they are interpreted, with the same bits
   * out, more slowly. Default: true, and false where the host forbids compiling.
   */
  readonly compileNetworks?: boolean;
}

/** Less work than this is done sooner on one thread than it is handed to two: 0.3 ms, in vector operations. */
const SOLO_OPERATIONS = 1_000_000;
/** Enough for the core to hold a tile of a few rows. */
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
  /** Compiles a selection's module and teaches it to all threads; false if the host won't compile. */
  teach(name: string, bytes: () => Uint8Array<ArrayBuffer>): Promise<boolean>;
}

/** Whether all inputs of a job were finite, and all of its results are. The first may err, on sums that overflow. */
export interface Proofs {
  readonly inputsFinite: boolean;
  readonly resultsFinite: boolean;
}

export class Engine {
  readonly threads: number;
  readonly memoryLimitBytes: number;
  readonly sharedMemory: boolean;
  private readonly host: Host;
  private readonly arena: Arena;
  private readonly pool: Threads;
  private readonly mayCompile: boolean;
  private readonly taught = new Map<string, boolean>();
  private core: Promise<Core> | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private disposed = false;

  /** Made by `createEngine`. */
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
   * Room for n rows of d float32, all zero, in the engine's memory.
   *
   * @throws QuorateError INVALID_PARAMETER, MEMORY_LIMIT, ENGINE_DISPOSED
   */
  batch(n: number, d: number): Batch {
    this.requireAlive();
    requireWholeNumber('n', n, 1, 2 ** 24);
    requireWholeNumber('d', d, 1, 2 ** 32);
    return new Batch(this, this.arena, n, d);
  }

  /**
   * Runs a task with the engine to itself, after those that came before.
   *
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

  /** @throws QuorateError ENGINE_DISPOSED */
  requireAlive(): void {
    if (this.disposed) throw new QuorateError('ENGINE_DISPOSED', 'this engine was disposed of');
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
        await others; // whatever happens here, nobody else may be at work when the blocks are given back
      }
      const [inputs, results] = this.arena.u32(flags, 2);
      return { inputsFinite: inputs === 0, resultsFinite: results === 0 };
    } finally {
      allocation.releaseAll();
    }
  }

  private async teach(core: Core, name: string, bytes: () => Uint8Array<ArrayBuffer>): Promise<boolean> {
    let known = this.taught.get(name);
    if (known === undefined) {
      known = this.mayCompile && (await this.tryTeach(core, name, bytes()));
      this.taught.set(name, known);
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

  /** Stops the threads and lets go of the memory, after the tasks that are under way. Harmless if repeated. */
  async dispose(): Promise<void> {
    this.disposed = true;
    await this.tail;
    await this.pool.stop();
  }
}

/**
 * An engine of one's own, to choose its threads and memory. Nothing is loaded before it is first used.
 *
 * @throws QuorateError INVALID_PARAMETER, UNKNOWN_PARAMETER, MEMORY_LIMIT
 * @example
 * const engine = createEngine({ threads: 2, memoryLimitBytes: 256 * 2 ** 20 });
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(options, currentHost());
}

let shared: Engine | undefined;

/** The engine of calls that name none; made when first needed. */
export function defaultEngine(): Engine {
  shared ??= createEngine();
  return shared;
}

/**
 * n rows of d float32 in an engine's own memory, where they are aggregated without being copied.
 *
 * Rows are 64-byte aligned and zero-padded. Where the distance between rows would be a power of two, one cache
 * line is added, for else all rows would compete for the same cache sets.
 */
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
