/** Runs jobs on one thread, the caller's or a worker's. All threads run the same code on the same memory. */
import {
  type CoreExports,
  SEGMENT_COLUMNS,
  SEGMENTS_A_WEIGHTED_SUM,
  TILE_COLUMNS,
  TILE_PITCH_BYTES,
} from './abi.js';
import {
  aligned,
  type Job,
  MIX_COLUMNS,
  MIX_PITCH_BYTES,
  type Mixing,
  SCALED_ROW_BYTES,
  scratchLayout,
  type SelectionWork,
  type SignVoteWork,
} from './job.js';
import { readSelection } from './selection.js';

/** A compiled selection: reads rows directly, or runs on a staged tile in one or more parts. */
interface CompiledSelection {
  readonly run?: (table: number, slots: number, out: number, fromBytes: number, toBytes: number) => number;
  readonly parts: readonly ((tile: number, out: number, bytes: number) => void)[];
}

const SCALED_COLUMNS = SCALED_ROW_BYTES / 4;

type Exports = Partial<Record<string, (...parameters: number[]) => number>>;

export class Compute {
  private readonly core: CoreExports;
  private readonly memory: WebAssembly.Memory;
  private readonly selections = new Map<string, CompiledSelection>();

  constructor(core: CoreExports, memory: WebAssembly.Memory) {
    this.core = core;
    this.memory = memory;
  }

  /** Instantiates a compiled selection under a name. */
  async learn(name: string, module: WebAssembly.Module): Promise<void> {
    const instance = await WebAssembly.instantiate(module, { env: { memory: this.memory } });
    const exports = instance.exports as Exports;
    const parts = [];
    for (let part = exports.run0; part; part = exports[`run${parts.length}`]) parts.push(part);
    this.selections.set(name, exports.run ? { run: exports.run, parts } : { parts });
  }

  /** Processes segments, for a weighted sum runs of segments, until none is left. */
  run(job: Job, thread: number): void {
    const counter = new Int32Array(this.memory.buffer, job.counter, 1);
    const columns = SEGMENT_COLUMNS * (job.work.kernel === 'weighted-sum' ? SEGMENTS_A_WEIGHTED_SUM : 1);
    const segments = Math.ceil(job.columns / columns);
    const scratch = job.scratch + thread * job.scratchBytes;
    for (;;) {
      const segment = Atomics.add(counter, 0, 1);
      if (segment >= segments) return;
      const c0 = segment * columns;
      const c1 = Math.min(c0 + columns, job.columns);
      const [inputProof, resultProof] = this.runSegment(job, scratch, segment, c0, c1);
      if (!Number.isFinite(inputProof)) this.flag(job, 0);
      if (!Number.isFinite(resultProof)) this.flag(job, 1);
    }
  }

  private flag(job: Job, which: number): void {
    Atomics.store(new Int32Array(this.memory.buffer, job.flags, 2), which, 1);
  }

  /** Returns two numbers: the first is finite only if all inputs are, the second only if all results are. */
  private runSegment(
    { work }: Job,
    scratch: number,
    segment: number,
    c0: number,
    c1: number,
  ): readonly [number, number] {
    const { core } = this;
    switch (work.kernel) {
      case 'weighted-sum':
        return [0, core.weightedSum(work.table, work.n, work.weights, work.divisor, work.out, c0, c1)];
      case 'exact-sum':
        core.mixExactly(work.table, work.n, work.weights, 1, work.mixed, c0, c1);
        return [0, core.finiteProof(work.out, c0, c1)];
      case 'pairwise-distances':
        core.pairwiseDistances(
          work.table,
          work.n,
          work.sums + segment * 8 * (work.n + 1) ** 2,
          work.exact,
          c0,
          c1,
        );
        return [0, 0];
      case 'row-distances':
        core.rowDistances(work.table, work.n, work.point, work.sums + segment * 16 * work.n, c0, c1);
        return [0, 0];
      case 'pull':
        core.pull(work.row, work.center, work.scale, work.out, c0, c1);
        return [0, 0];
      case 'selection':
      case 'sign-vote':
        return [this.runCoordinates(work, scratch, c0, c1), core.finiteProof(work.out, c0, c1)];
    }
  }

  private runCoordinates(
    work: SelectionWork | SignVoteWork,
    scratch: number,
    c0: number,
    c1: number,
  ): number {
    if (!work.mixing) return this.runColumns(work, work.table, work.n, scratch, c0, c1);
    let proof = 0;
    for (let c = c0; c < c1; c += MIX_COLUMNS) {
      proof += this.runMixed(work, work.mixing, scratch, c, Math.min(c + MIX_COLUMNS, c1));
    }
    return proof;
  }

  /** Mixes a block of columns into scratch rows, then runs the rule on those. */
  private runMixed(
    work: SelectionWork | SignVoteWork,
    mixing: Mixing,
    scratch: number,
    c0: number,
    c1: number,
  ): number {
    const { m, weights } = mixing;
    const { sums, mixed, tile } = scratchLayout(work, TILE_PITCH_BYTES);
    const table = new Uint32Array(this.memory.buffer, scratch, m);
    // Addresses of column 0, though only c0 … c1 exist; they may wrap around, as 32-bit addresses do.
    for (let k = 0; k < m; k++) table[k] = scratch + mixed + k * MIX_PITCH_BYTES - 4 * c0;
    if ('matrix' in weights) this.core.mix(work.table, work.n, weights.matrix, m, scratch, c0, c1);
    else if ('exactMatrix' in weights)
      this.core.mixExactly(work.table, work.n, weights.exactMatrix, m, scratch, c0, c1);
    else
      this.core.mixSubsets(
        work.table,
        work.n,
        weights.offsets,
        m,
        weights.scale,
        scratch + sums,
        scratch,
        c0,
        c1,
      );
    return this.runColumns(work, scratch, m, scratch + tile, c0, c1);
  }

  private runColumns(
    work: SelectionWork | SignVoteWork,
    table: number,
    n: number,
    scratch: number,
    c0: number,
    c1: number,
  ): number {
    if (work.kernel === 'sign-vote') return this.core.signVote(table, n, work.step, work.out, c0, c1);
    const proof = this.select(work, table, n, scratch, c0, c1);
    if (!Number.isFinite(this.core.finiteProof(work.out, c0, c1)))
      this.selectScaled(work, table, n, scratch, c0, c1);
    return proof;
  }

  private select(
    work: SelectionWork,
    table: number,
    n: number,
    scratch: number,
    c0: number,
    c1: number,
  ): number {
    const compiled = work.module === undefined ? undefined : this.selections.get(work.module);
    if (compiled?.run) return compiled.run(table, scratch, work.out, 4 * c0, 4 * c1);
    let proof = 0;
    for (let c = c0; c < c1; c += TILE_COLUMNS) {
      const count = Math.min(TILE_COLUMNS, c1 - c);
      proof += this.core.stage(table, n, scratch, c, count);
      if (compiled) for (const part of compiled.parts) part(scratch, work.out + 4 * c, 4 * count);
      else this.interpret(work, n, scratch, work.out + 4 * c, count);
    }
    return proof;
  }

  /**
   * Offsets from an origin, and their sum, may overflow although the mean itself does not. Columns with a result that is
   * not finite are computed again, sixteen at a time, on values scaled by a power of two that leaves room for both.
   */
  private selectScaled(
    work: SelectionWork,
    table: number,
    n: number,
    scratch: number,
    c0: number,
    c1: number,
  ): void {
    const { buffer } = this.memory;
    const scale = 1 / (4 << (32 - Math.clz32(n)));
    const scaledTable = scratch + n * TILE_PITCH_BYTES;
    const scaledRows = scaledTable + aligned(n * 4);
    for (let c = c0; c < c1; c += SCALED_COLUMNS) {
      if (Number.isFinite(this.core.finiteProof(work.out, c, c + SCALED_COLUMNS))) continue;
      const from = new Uint32Array(buffer, table, n);
      const to = new Uint32Array(buffer, scaledTable, n);
      for (let i = 0; i < n; i++) {
        const address = scaledRows + i * SCALED_ROW_BYTES;
        const values = new Float32Array(buffer, (from[i]! + 4 * c) >>> 0, SCALED_COLUMNS);
        new Float32Array(buffer, address, SCALED_COLUMNS).set(values.map((value) => value * scale));
        to[i] = address - 4 * c;
      }
      this.select(work, scaledTable, n, scratch, c, c + SCALED_COLUMNS);
      const result = new Float32Array(buffer, work.out + 4 * c, SCALED_COLUMNS);
      result.set(result.map((value) => value / scale));
    }
  }

  private interpret(work: SelectionWork, n: number, tile: number, out: number, count: number): void {
    const { tables, selection } = work;
    if (!tables) throw new Error(`no selection named ${work.module} was learned`);
    this.core.runNetwork(tables.network, tables.length, tile, count);
    readSelection(this.core, selection, { tile, wires: tables.wires, n }, out, count);
  }
}
