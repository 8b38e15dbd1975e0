/**
 * Writes the WebAssembly module that computes one selection for one n: the network's comparators unrolled, four
 * columns a step, then the selection's arithmetic.
 *
 * Two forms. *Direct*, for few rows: each value is loaded from its row, once.
 *   run(table, slots, out, from, to) → proof
 *     table  n u32: the rows' addresses        slots  scratch, 16·n bytes, for values that don't fit in registers
 *     out    the result; column c of a row or of the result is at address + 4c
 *     from, to   4c of the first column and of the one after the last; multiples of 16, from < to
 *     proof  f32: the sum of everything read, so that it is finite only if every value is
 * *Staged*, for many rows: the caller has copied columns into a tile with rows TILE_PITCH_BYTES apart, which prevents n
 * streams from competing for cache sets, and makes every address a constant offset.
 *   run0 … runK(tile, out, bytes)   each a part of the network; the last one also writes the result
 *
 * The comparators are f32x4.pmin and pmax, one x86 instruction each. They mishandle NaN, so results may be used only if
 * the proof is finite. They treat −0 and +0 as equal, so a zero result is normalized to +0.
 */
import { TILE_PITCH_BYTES } from '../../../bindings/abi.js';
import type { ColumnSelection } from '../../../bindings/selection.js';
import { type Network, selectionNetwork } from './comparators.js';
import { emitSteps, FunctionWriter } from './emitNetwork.js';
import { pushSelection, rankUses } from './reductions.js';
import { schedule } from './schedule.js';
import { F32, I32, op, V128, wasmModule } from './wasmModule.js';

/** Up to this many rows are read directly; more streams defeat the processor's prefetching. */
const MAX_DIRECT_ROWS = 40;
/** V8's optimizing compiler takes too long on functions with more comparators. */
const COMPARATORS_A_FUNCTION = 2000;
const REGISTERS = 8;

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
  pushSelection(writer, n, (rank) => push(network.wireOfRank[rank]!), selection);
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
      pushSelection(writer, n, (rank) => push(network.wireOfRank[rank]!), selection);
      writer.put(op.v128Store(0), op.localGet(out), op.i32Const(16), op.i32Add, op.localSet(out));
    }
    writer.put(op.localGet(tile), op.i32Const(16), op.i32Add, op.localTee(tile));
    writer.put(op.localGet(bytes), op.i32LessUnsigned, op.branchIf(0), op.end);
    return { parameters: [I32, I32, I32], results: [], locals: writer.vectorLocals, code: writer.code };
  });
  return wasmModule(Object.fromEntries(functions.map((f, part) => [`run${part}`, f])), sharedMaximumPages);
}

/** The module of one selection for n rows: direct up to MAX_DIRECT_ROWS rows, staged above. */
export function selectionModule(
  n: number,
  selection: ColumnSelection,
  sharedMaximumPages?: number,
): Uint8Array<ArrayBuffer> {
  const network = selectionNetwork(n, rankUses(n, selection));
  const write = n <= MAX_DIRECT_ROWS ? directModule : stagedModule;
  return write(network, selection, sharedMaximumPages);
}

/** A selection's network as tables, for the kernel that interprets it (assembly/selection.ts). */
export interface SelectionTables {
  /** Two u32 for each comparator: low wire, high wire. */
  readonly comparators: Uint32Array;
  /** The wire of each rank. */
  readonly wires: Uint32Array;
}

/** The tables of one selection for n rows. */
export function selectionTables(n: number, selection: ColumnSelection): SelectionTables {
  const { comparators, wireOfRank } = selectionNetwork(n, rankUses(n, selection));
  return {
    comparators: Uint32Array.from(comparators.flatMap(({ low, high }) => [low, high])),
    wires: Uint32Array.from(wireOfRank),
  };
}
