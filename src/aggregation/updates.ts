/** Brings the kinds of updates that `aggregate` takes into one form. */
import { Batch, type Engine } from '../core/engine.js';
import { arraySource, namedSource, type NamedTensors, type RowSource } from '../core/source.js';
import type { TiledRows } from '../core/tiles.js';
import { requireWholeNumber } from '../core/validation.js';
import { QuorateError } from '../errors.js';

/**
 * n updates of d float32: arrays of equal length, a batch in an engine's memory, a source that is read in pieces, or
 * objects of named tensors, all with the same names and lengths.
 */
export type Updates = readonly Float32Array[] | Batch | RowSource | readonly NamedTensors[];

/** Updates in the form that an aggregation works on. */
export interface Input {
  readonly n: number;
  readonly d: number;
  readonly rows: TiledRows;
  /** Splits a flat value into named tensors, if the updates are named. */
  readonly name: ((value: Float32Array) => Record<string, Float32Array>) | undefined;
  /** Whether writing to `target` would change an update. */
  readonly overlaps: (target: Float32Array) => boolean;
}

const isPlainObject = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const isSource = (value: object): value is RowSource =>
  'read' in value && typeof value.read === 'function' && 'n' in value && 'd' in value;

function overlap(a: Float32Array, b: Float32Array): boolean {
  return (
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength
  );
}

/** @throws QuorateError EMPTY_INPUT, BAD_TYPE, BAD_SHAPE, FOREIGN_BATCH, INVALID_PARAMETER */
export function readUpdates(updates: unknown, engine: Engine): Input {
  if (Array.isArray(updates)) {
    if (isPlainObject(updates[0])) {
      const source = namedSource(updates as NamedTensors[]);
      const tensors = (updates as NamedTensors[]).flatMap((update) => Object.values(update));
      return {
        n: source.n,
        d: source.d,
        rows: { source },
        name: (value) => source.name(value),
        overlaps: (target) => tensors.some((tensor) => overlap(tensor, target)),
      };
    }
    const rows = updates as Float32Array[];
    const source = arraySource(rows);
    return {
      n: source.n,
      d: source.d,
      rows: { source },
      name: undefined,
      overlaps: (target) => rows.some((row) => overlap(row, target)),
    };
  }
  if (updates instanceof Batch) {
    updates.row(0); // throws if the batch was released
    if (updates.engine !== engine) {
      throw new QuorateError(
        'FOREIGN_BATCH',
        'the batch belongs to another engine: pass that engine in the option `engine`',
      );
    }
    const { n, d } = updates;
    const isRow = (target: Float32Array) =>
      Array.from({ length: n }, (_, i) => updates.row(i)).some((row) => overlap(row, target));
    return { n, d, rows: { batch: updates }, name: undefined, overlaps: isRow };
  }
  if (typeof updates === 'object' && updates !== null && isSource(updates)) {
    requireWholeNumber('n of the source', updates.n, 1, 2 ** 24);
    requireWholeNumber('d of the source', updates.d, 1, Number.MAX_SAFE_INTEGER);
    return { n: updates.n, d: updates.d, rows: { source: updates }, name: undefined, overlaps: () => false };
  }
  throw new QuorateError(
    'BAD_TYPE',
    'updates must be an array of Float32Array or of named tensors, a batch, or a source of rows',
  );
}
