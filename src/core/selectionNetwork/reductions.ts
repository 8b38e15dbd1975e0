/**
 * The compiled half of each column selection: which ranks its network must bring out, and the arithmetic on them.
 *
 * The n − f values nearest to any center are a window of n − f neighbors in sorted order, and such a window has exactly
 * one member of each residue class of ranks modulo n − f. So the window needs no search: each class contributes its
 * member nearest to the center (the lesser one on a tie).
 *
 * assembly/selection.ts does the same operations in the same order, so that a compiled and an interpreted network give
 * the same bits.
 */
import type { ColumnSelection } from '../../../bindings/selection.js';
import type { RankUse } from './comparators.js';
import type { FunctionWriter } from './emitNetwork.js';
import { op } from './wasmModule.js';

/** The one or two middle ranks. */
const middleRanks = (n: number): readonly number[] => (n % 2 === 1 ? [(n - 1) / 2] : [n / 2 - 1, n / 2]);

const ranks = (from: number, to: number, step = 1) => {
  const list: number[] = [];
  for (let rank = from; rank < to; rank += step) list.push(rank);
  return list;
};

/** The ranks that a trimmed mean averages. */
const trimmedRanks = (n: number, f: number): readonly number[] => ranks(f, n - f);

/** For each member of the nearest window, the ranks that it may have. */
const windowClasses = (n: number, f: number): readonly (readonly number[])[] =>
  ranks(0, n - f).map((first) => ranks(first, n, n - f));

/** Pushes values of sorted columns, and sums of them. */
class ColumnWriter {
  readonly writer: FunctionWriter;
  readonly n: number;
  /** Pushes the value of a rank. */
  readonly pushRank: (rank: number) => void;

  constructor(writer: FunctionWriter, n: number, pushRank: (rank: number) => void) {
    this.writer = writer;
    this.n = n;
    this.pushRank = pushRank;
  }

  /** The value of a rank, in a local that the caller gives back. */
  take(rank: number): number {
    this.pushRank(rank);
    return this.writer.save();
  }

  pushOffset(rank: number, origin: number): void {
    this.pushRank(rank);
    this.writer.put(op.localGet(origin), op.f32x4Sub);
  }

  /** Pushes the sum of what `terms` push, as four partial sums in turn. */
  pushSum(terms: readonly (() => void)[]): void {
    const { writer } = this;
    const sums: number[] = [];
    terms.forEach((push, index) => {
      push();
      if (index < 4) sums.push(writer.save());
      else writer.put(op.localGet(sums[index % 4]!), op.f32x4Add, op.localSet(sums[index % 4]!));
    });
    const pushPart = (part: readonly number[]) => {
      part.forEach((local, index) => {
        writer.put(op.localGet(local));
        if (index > 0) writer.put(op.f32x4Add);
      });
    };
    if (sums.length === 0) writer.put(op.v128Const(0));
    pushPart(sums.slice(0, 2));
    pushPart(sums.slice(2));
    if (sums.length > 2) writer.put(op.f32x4Add);
    sums.forEach((local) => {
      writer.giveLocal(local);
    });
  }

  /** Pushes Σ (x − origin) over the trimmed ranks. The first is the origin itself, whose offset is 0. */
  pushTrimmedOffsets(f: number, origin: number): void {
    const [, ...others] = trimmedRanks(this.n, f);
    this.pushSum(
      others.map((rank) => () => {
        this.pushOffset(rank, origin);
      }),
    );
  }
}

/** The midpoint is (a + b)/2, or a/2 + b/2 where the sum overflows. */
function pushMedian(column: ColumnWriter): void {
  const middle = middleRanks(column.n);
  if (middle.length === 1) {
    column.pushRank(middle[0]!);
    return;
  }
  const { writer } = column;
  const [a, b] = [column.take(middle[0]!), column.take(middle[1]!)];
  writer.put(op.localGet(a), op.localGet(b), op.f32x4Add);
  const sum = writer.save();
  const half = op.v128Const(0.5);
  writer.put(op.localGet(sum), half, op.f32x4Mul);
  writer.put(op.localGet(a), half, op.f32x4Mul, op.localGet(b), half, op.f32x4Mul, op.f32x4Add);
  writer.put(op.localGet(sum), op.f32x4Abs, op.v128Const(Infinity), op.f32x4Less, op.v128Bitselect);
  for (const local of [a, b, sum]) writer.giveLocal(local);
}

/** Means are taken around one of the values, which keeps them exact where the values are close together. */
function pushTrimmedMean(column: ColumnWriter, f: number): void {
  const { writer, n } = column;
  const origin = column.take(f);
  writer.put(op.localGet(origin));
  column.pushTrimmedOffsets(f, origin);
  writer.put(op.v128Const(n - 2 * f), op.f32x4Div, op.f32x4Add);
  writer.giveLocal(origin);
}

type Center = 'median' | 'trimmed-mean';

/** The center is origin + offset. It is never rounded to one number: many values may be equally near to that number. */
function pushNearestMean(column: ColumnWriter, f: number, around: Center): void {
  const { writer, n } = column;
  const origin = column.take(around === 'median' ? (n - 1) >> 1 : f);
  const center = takeCenterOffset(column, f, around, origin);
  const terms = windowClasses(n, f).map((members) => () => {
    pushNearest(column, members, origin, center);
  });
  writer.put(op.localGet(origin));
  column.pushSum(terms);
  writer.put(op.v128Const(n - f), op.f32x4Div, op.f32x4Add);
  writer.giveLocal(origin);
  writer.giveLocal(center);
}

function takeCenterOffset(column: ColumnWriter, f: number, around: Center, origin: number): number {
  const { writer, n } = column;
  if (around === 'trimmed-mean') {
    column.pushTrimmedOffsets(f, origin);
    writer.put(op.v128Const(n - 2 * f), op.f32x4Div);
  } else if (n % 2 === 0) {
    column.pushOffset(n / 2, origin);
    writer.put(op.v128Const(0.5), op.f32x4Mul);
  } else writer.put(op.v128Const(0));
  return writer.save();
}

/** Pushes the offset from the origin of the class member that is nearest to the center. */
function pushNearest(
  column: ColumnWriter,
  [first, ...others]: readonly number[],
  origin: number,
  center: number,
): void {
  const { writer } = column;
  column.pushOffset(first!, origin);
  for (const rank of others) {
    const nearest = writer.save();
    column.pushOffset(rank, origin);
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

/** The compiled form of one selection. */
interface Reduction {
  /** Marks the ranks that it uses, and how: the network is pruned to them. */
  readonly markRanks: (n: number, mark: (ranks: readonly number[], use: RankUse) => void) => void;
  /** Pushes its value. */
  readonly push: (column: ColumnWriter) => void;
}

/** A kind that is missing here does not compile. */
function reductionOf(selection: ColumnSelection): Reduction {
  switch (selection.kind) {
    case 'median':
      return {
        markRanks(n, mark) {
          mark(middleRanks(n), 'sum'); // a midpoint need not know which value is the lesser
        },
        push: pushMedian,
      };
    case 'trimmed-mean': {
      const { f } = selection;
      return {
        markRanks(n, mark) {
          mark(trimmedRanks(n, f), 'sum');
        },
        push: (column) => pushTrimmedMean(column, f),
      };
    }
    case 'nearest-mean': {
      const { f, center } = selection;
      return {
        markRanks(n, mark) {
          for (const members of windowClasses(n, f)) mark(members, members.length === 1 ? 'sum' : 'read');
          if (center === 'median') mark(middleRanks(n), 'read');
        },
        push: (column) => pushNearestMean(column, f, center),
      };
    }
    default:
      return selection satisfies never;
  }
}

/** How a selection uses each rank of n values. */
export function rankUses(n: number, selection: ColumnSelection): readonly RankUse[] {
  const uses = new Array<RankUse>(n).fill('drop');
  reductionOf(selection).markRanks(n, (list, use) => {
    for (const rank of list) uses[rank] = use;
  });
  return uses;
}

/** Pushes a selection's value for four columns; `pushRank` pushes the value of a rank. A zero result is +0. */
export function pushSelection(
  writer: FunctionWriter,
  n: number,
  pushRank: (rank: number) => void,
  selection: ColumnSelection,
): void {
  reductionOf(selection).push(new ColumnWriter(writer, n, pushRank));
  writer.put(op.v128Const(0), op.f32x4Add);
}
