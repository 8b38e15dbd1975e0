/**
 * Writes the WebAssembly module that computes one selection for one n: the network's comparators unrolled, four
 * columns a step, then the selection's arithmetic.
 *
 * Two forms. *Direct*, for few rows: each value is loaded from its row, once.
 *   run(table, slots, out, from, to) → proof
 *     table  n u32: the rows' addresses        slots  scratch, 16·n bytes, for values that find no register
 *     out    the result; column c of a row or of the result stands at address + 4c
 *     from, to   4c of the first column and of the one after the last; multiples of 16, from < to
 *     proof  f32: the sum of all that was read, so that it is finite only if every value was
 * *Staged*, for many rows: the caller has copied columns into a tile whose rows lie TILE_PITCH_BYTES bytes apart, which
 * keeps n streams from fighting over cache sets, and makes every address a constant offset.
 *   run0 … runK(tile, out, bytes)   each a part of the network; the last one also writes the result
 *
 * The comparators are f32x4.pmin and pmax, one x86 instruction each. They mishandle NaN, which is why no
 * result may be used unless the proof is finite; −0 and +0 are equal to them, so a zero result is made +0.
 */
import { TILE_PITCH_BYTES } from '../../../bindings/abi.js';
import { type Comparator, type Network, selectionNetwork } from './comparators.js';
import { middleRanks, rankUses, type ColumnSelection, trimmedRanks, windowClasses } from './selection.js';
import { schedule, type ScheduleStep } from './schedule.js';
import { type Code, F32, I32, op, V128, wasmModule } from './wasmModule.js';

/** Up to here, rows are read directly: more streams than this defeat the processor's prefetching. */
const MAX_DIRECT_ROWS = 40;
/** Longer functions than this many comparators keep V8's optimizing compiler busy too long. */
const COMPARATORS_A_FUNCTION = 2000;
const REGISTERS = 8;

/** Appends code to one function, and hands out its vector locals. */
class FunctionWriter {
  readonly code: Code = [];
  private readonly free: number[] = [];
  private vectors = 0;
  private readonly firstVector: number;

  constructor(firstVector: number) {
    this.firstVector = firstVector;
  }

  get vectorLocals(): number[] {
    return new Array<number>(this.vectors).fill(V128);
  }

  put(...parts: readonly (readonly number[])[]): void {
    for (const part of parts) for (const byte of part) this.code.push(byte);
  }

  takeLocal(): number {
    return this.free.pop() ?? this.firstVector + this.vectors++;
  }

  giveLocal(local: number): void {
    this.free.push(local);
  }

  /** Stores the top of the stack in a fresh local. */
  save(): number {
    const local = this.takeLocal();
    this.put(op.localSet(local));
    return local;
  }
}

/** How a form reaches memory: pushes a wire's value, or stores a local to the wire's slot. */
interface WireMemory {
  load(wire: number): void;
  store(wire: number, local: number): void;
}

/** Runs a schedule's steps; returns a function that pushes a wire's final value. */
function emitSteps(
  writer: FunctionWriter,
  steps: readonly ScheduleStep[],
  memory: WireMemory,
): (wire: number) => void {
  const localOf = new Map<number, number>();
  const local = (wire: number) => {
    const found = localOf.get(wire);
    if (found === undefined) throw new Error(`wire ${wire} is not live`);
    return found;
  };
  const emitCompare = ({ low, high, needsLow, needsHigh }: Comparator) => {
    const [a, b] = [local(low), local(high)];
    const least = writer.takeLocal();
    if (needsLow) writer.put(op.localGet(a), op.localGet(b), op.f32x4PMin, op.localSet(least));
    if (needsHigh) writer.put(op.localGet(a), op.localGet(b), op.f32x4PMax, op.localSet(b));
    localOf.delete(low);
    localOf.delete(high);
    writer.giveLocal(a);
    if (needsLow) localOf.set(low, least);
    else writer.giveLocal(least);
    if (needsHigh) localOf.set(high, b);
    else writer.giveLocal(b);
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'load': {
        memory.load(step.wire);
        localOf.set(step.wire, writer.save());
        break;
      }
      case 'store':
        memory.store(step.wire, local(step.wire));
        break;
      case 'drop':
        writer.giveLocal(local(step.wire));
        localOf.delete(step.wire);
        break;
      case 'compare':
        emitCompare(step.comparator);
    }
  }
  return (wire) => {
    const found = localOf.get(wire);
    if (found === undefined) memory.load(wire);
    else writer.put(op.localGet(found));
  };
}

/** Pushes the sum of what `terms` push, four partial sums in turn: assembly/selection.ts adds in the same order. */
function emitSum(writer: FunctionWriter, terms: readonly (() => void)[]): void {
  const sums: number[] = [];
  terms.forEach((push, index) => {
    push();
    if (index < 4) sums.push(writer.save());
    else writer.put(op.localGet(sums[index % 4]!), op.f32x4Add, op.localSet(sums[index % 4]!));
  });
  const pushSum = (part: readonly number[]) => {
    part.forEach((local, index) => {
      writer.put(op.localGet(local));
      if (index > 0) writer.put(op.f32x4Add);
    });
  };
  if (sums.length === 0) writer.put(op.v128Const(0));
  pushSum(sums.slice(0, 2));
  pushSum(sums.slice(2));
  if (sums.length > 2) writer.put(op.f32x4Add);
  sums.forEach((local) => {
    writer.giveLocal(local);
  });
}

/** Pushes a selection's result for four columns; `pushRank` pushes the value of a rank. */
class SelectionEmitter {
  private readonly writer: FunctionWriter;
  private readonly n: number;
  private readonly pushRank: (rank: number) => void;

  constructor(writer: FunctionWriter, n: number, pushRank: (rank: number) => void) {
    this.writer = writer;
    this.n = n;
    this.pushRank = pushRank;
  }

  private take(rank: number): number {
    this.pushRank(rank);
    return this.writer.save();
  }

  /** The midpoint as (a + b)/2, or as a/2 + b/2 where the sum overflows. */
  median(): void {
    const middle = middleRanks(this.n);
    if (middle.length === 1) {
      this.pushRank(middle[0]!);
      return;
    }
    const { writer } = this;
    const [a, b] = [this.take(middle[0]!), this.take(middle[1]!)];
    writer.put(op.localGet(a), op.localGet(b), op.f32x4Add);
    const sum = writer.save();
    const half = op.v128Const(0.5);
    writer.put(op.localGet(sum), half, op.f32x4Mul);
    writer.put(op.localGet(a), half, op.f32x4Mul, op.localGet(b), half, op.f32x4Mul, op.f32x4Add);
    writer.put(op.localGet(sum), op.f32x4Abs, op.v128Const(Infinity), op.f32x4Less, op.v128Bitselect);
    for (const local of [a, b, sum]) writer.giveLocal(local);
  }

  /** Pushes Σ (x − origin) over the trimmed ranks; that of the origin itself, the first, is 0. */
  private trimmedOffsets(f: number, origin: number): void {
    const [, ...others] = trimmedRanks(this.n, f);
    emitSum(
      this.writer,
      others.map((rank) => () => {
        this.pushOffset(rank, origin);
      }),
    );
  }

  private pushOffset(rank: number, origin: number): void {
    this.pushRank(rank);
    this.writer.put(op.localGet(origin), op.f32x4Sub);
  }

  /** Means are taken around one of the values, which keeps them exact where the values are close together. */
  trimmedMean(f: number): void {
    const origin = this.take(f);
    this.writer.put(op.localGet(origin));
    this.trimmedOffsets(f, origin);
    this.writer.put(op.v128Const(this.n - 2 * f), op.f32x4Div, op.f32x4Add);
    this.writer.giveLocal(origin);
  }

  /** The center is origin + offset; it is never rounded to one number, for many values may be as near to it as that. */
  nearestMean(f: number, around: 'median' | 'trimmed-mean'): void {
    const { writer, n } = this;
    const origin = this.take(around === 'median' ? (n - 1) >> 1 : f);
    const center = this.centerOffset(f, around, origin);
    const terms = windowClasses(n, f).map((members) => () => {
      this.pushNearest(members, origin, center);
    });
    writer.put(op.localGet(origin));
    emitSum(writer, terms);
    writer.put(op.v128Const(n - f), op.f32x4Div, op.f32x4Add);
    writer.giveLocal(origin);
    writer.giveLocal(center);
  }

  private centerOffset(f: number, around: 'median' | 'trimmed-mean', origin: number): number {
    const { writer, n } = this;
    if (around === 'trimmed-mean') {
      this.trimmedOffsets(f, origin);
      writer.put(op.v128Const(n - 2 * f), op.f32x4Div);
    } else if (n % 2 === 0) {
      this.pushOffset(n / 2, origin);
      writer.put(op.v128Const(0.5), op.f32x4Mul);
    } else writer.put(op.v128Const(0));
    return writer.save();
  }

  /** Pushes the offset from the origin of that member of a class that is nearest to the center. */
  private pushNearest([first, ...others]: readonly number[], origin: number, center: number): void {
    const { writer } = this;
    this.pushOffset(first!, origin);
    for (const rank of others) {
      const nearest = writer.save();
      this.pushOffset(rank, origin);
      const other = writer.save();
      const distance = (local: number) => [
        ...op.localGet(local),
        ...op.localGet(center),
        ...op.f32x4Sub,
        ...op.f32x4Abs,
      ];
      writer.put(op.localGet(other), op.localGet(nearest));
      writer.put(distance(other), distance(nearest), op.f32x4Less, op.v128Bitselect);
      writer.giveLocal(nearest);
      writer.giveLocal(other);
    }
  }

  emit(selection: ColumnSelection): void {
    if (selection.kind === 'median') this.median();
    else if (selection.kind === 'trimmed-mean') this.trimmedMean(selection.f);
    else this.nearestMean(selection.f, selection.center);
    this.writer.put(op.v128Const(0), op.f32x4Add);
  }
}

/** Which wires the selection reads after the last comparator. */
function wiresRead(network: Network, selection: ColumnSelection): Set<number> {
  const uses = rankUses(network.n, selection);
  return new Set(network.wireOfRank.filter((_, rank) => uses[rank] !== 'drop'));
}

const SUMS = 4;

function directModule(
  network: Network,
  selection: ColumnSelection,
  sharedMaximumPages?: number,
): Uint8Array<ArrayBuffer> {
  const { n } = network;
  const [table, slots, out, from, to, firstRow] = [0, 1, 2, 3, 4, 5];
  const firstSum = firstRow + n;
  const writer = new FunctionWriter(firstSum + SUMS);
  for (let row = 0; row < n; row++) {
    writer.put(op.localGet(table), op.i32Load(4 * row), op.localSet(firstRow + row));
  }
  writer.put(op.loop);
  const read = new Set<number>();
  const stored = new Set<number>();
  const push = emitSteps(
    writer,
    schedule(network, network.comparators, REGISTERS, wiresRead(network, selection), false),
    {
      load(wire) {
        if (stored.has(wire)) {
          writer.put(op.localGet(slots), op.v128Load(16 * wire));
          return;
        }
        writer.put(op.localGet(firstRow + wire), op.localGet(from), op.i32Add, op.v128Load(0));
        if (read.has(wire)) return;
        read.add(wire);
        const value = writer.save();
        const sum = firstSum + (read.size % SUMS);
        writer.put(op.localGet(sum), op.localGet(value), op.f32x4Add, op.localSet(sum), op.localGet(value));
        writer.giveLocal(value);
      },
      store(wire, local) {
        stored.add(wire);
        writer.put(op.localGet(slots), op.localGet(local), op.v128Store(16 * wire));
      },
    },
  );
  writer.put(op.localGet(out), op.localGet(from), op.i32Add);
  new SelectionEmitter(writer, n, (rank) => {
    push(network.wireOfRank[rank]!);
  }).emit(selection);
  writer.put(op.v128Store(0));
  writer.put(op.localGet(from), op.i32Const(16), op.i32Add, op.localTee(from));
  writer.put(op.localGet(to), op.i32LessUnsigned, op.branchIf(0), op.end);
  const total = writer.takeLocal();
  writer.put(op.localGet(firstSum));
  for (let k = 1; k < SUMS; k++) writer.put(op.localGet(firstSum + k), op.f32x4Add);
  writer.put(op.localSet(total), op.localGet(total), op.f32x4ExtractLane(0));
  for (let lane = 1; lane < 4; lane++) writer.put(op.localGet(total), op.f32x4ExtractLane(lane), op.f32Add);
  const run = {
    parameters: [I32, I32, I32, I32, I32],
    results: [F32],
    locals: [
      ...new Array<number>(n).fill(I32),
      ...new Array<number>(SUMS).fill(V128),
      ...writer.vectorLocals,
    ],
    code: writer.code,
  };
  return wasmModule({ run }, sharedMaximumPages);
}

function stagedModule(
  network: Network,
  selection: ColumnSelection,
  sharedMaximumPages?: number,
): Uint8Array<ArrayBuffer> {
  const { n, comparators } = network;
  const [tile, out, bytes] = [0, 1, 2];
  const parts = Math.max(1, Math.ceil(comparators.length / COMPARATORS_A_FUNCTION));
  const size = Math.ceil(comparators.length / parts);
  const functions = Array.from({ length: parts }, (_, part) => {
    const last = part === parts - 1;
    const later = comparators.slice((part + 1) * size);
    const keep = wiresRead(network, selection);
    for (const { low, high } of later) keep.add(low).add(high);

    const writer = new FunctionWriter(3);
    writer.put(op.localGet(tile), op.localGet(bytes), op.i32Add, op.localSet(bytes), op.loop);
    const push = emitSteps(
      writer,
      schedule(network, comparators.slice(part * size, (part + 1) * size), REGISTERS, keep, !last),
      {
        load: (wire) => {
          writer.put(op.localGet(tile), op.v128Load(TILE_PITCH_BYTES * wire));
        },
        store: (wire, local) => {
          writer.put(op.localGet(tile), op.localGet(local), op.v128Store(TILE_PITCH_BYTES * wire));
        },
      },
    );
    if (last) {
      writer.put(op.localGet(out));
      new SelectionEmitter(writer, n, (rank) => {
        push(network.wireOfRank[rank]!);
      }).emit(selection);
      writer.put(op.v128Store(0), op.localGet(out), op.i32Const(16), op.i32Add, op.localSet(out));
    }
    writer.put(op.localGet(tile), op.i32Const(16), op.i32Add, op.localTee(tile));
    writer.put(op.localGet(bytes), op.i32LessUnsigned, op.branchIf(0), op.end);
    return { parameters: [I32, I32, I32], results: [], locals: writer.vectorLocals, code: writer.code };
  });
  return wasmModule(Object.fromEntries(functions.map((f, part) => [`run${part}`, f])), sharedMaximumPages);
}

/** The module of one selection for n rows; direct up to MAX_DIRECT_ROWS rows, staged above. */
export function selectionModule(
  n: number,
  selection: ColumnSelection,
  sharedMaximumPages?: number,
): Uint8Array<ArrayBuffer> {
  const network = selectionNetwork(n, rankUses(n, selection));
  const write = n <= MAX_DIRECT_ROWS ? directModule : stagedModule;
  return write(network, selection, sharedMaximumPages);
}
