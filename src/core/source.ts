/** Where updates come from: anything that can copy a range of columns of a row into the core's memory. */
import { QuorateError } from '../errors.js';

/**
 * n rows of d float32, read in pieces and repeatedly. Rows must not change while they are aggregated. n × d may exceed
 * the engine's memory, which holds one tile of each row at a time.
 *
 * @example
 * const source = { n, d, read: (row, column, into) => void into.set(rows[row].subarray(column, column + into.length)) };
 */
export interface RowSource {
  /** Number of rows. */
  readonly n: number;
  /** Entries per row. */
  readonly d: number;
  /**
   * Fills all of `into` with row `row`, from column `column` on. Several reads may be in progress at once. `into` is a view
   * on the core's memory and must not be used after the read.
   */
  read(row: number, column: number, into: Float32Array): void | Promise<void>;
  /** Releases whatever the source holds. `aggregate` never calls it. */
  close?(): Promise<void>;
}

/** An update as named tensors. All updates have the same names and lengths. */
export type NamedTensors = Readonly<Record<string, Float32Array>>;

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return (Object.getPrototypeOf(value) as object | null)?.constructor.name ?? typeof value;
}

function requireFloat32(value: unknown, what: string): asserts value is Float32Array {
  if (value instanceof Float32Array) return;
  throw new QuorateError('BAD_TYPE', `${what} must be a Float32Array; got ${kindOf(value)}`, {
    got: kindOf(value),
  });
}

/**
 * A source of arrays; nothing is copied until it is read.
 *
 * @throws QuorateError EMPTY_INPUT, BAD_TYPE, BAD_SHAPE
 */
export function arraySource(rows: readonly Float32Array[]): RowSource {
  if (rows.length === 0) throw new QuorateError('EMPTY_INPUT', 'there are no updates');
  for (let i = 0; i < rows.length; i++) requireFloat32(rows[i], `update ${i}`); // holes too
  const d = rows[0]!.length;
  if (d === 0) throw new QuorateError('EMPTY_INPUT', 'the updates have no entries');
  rows.forEach((row, i) => {
    if (row.length === d) return;
    throw new QuorateError('BAD_SHAPE', `update ${i} has ${row.length} entries, update 0 has ${d}`, {
      row: i,
      got: row.length,
      expected: d,
    });
  });
  return {
    n: rows.length,
    d,
    read: (row, column, into) => {
      into.set(rows[row]!.subarray(column, column + into.length));
    },
  };
}

/** Named tensors concatenated in the order of their names, so that the order of keys has no influence. */
export interface NamedSource extends RowSource {
  /** Splits a vector of d entries into named copies. */
  name(value: Float32Array): Record<string, Float32Array>;
}

/** A source of named tensors. @throws QuorateError EMPTY_INPUT, BAD_TYPE, BAD_SHAPE */
export function namedSource(updates: readonly NamedTensors[]): NamedSource {
  if (updates.length === 0) throw new QuorateError('EMPTY_INPUT', 'there are no updates');
  updates.forEach((update: unknown, i) => {
    if (typeof update === 'object' && update !== null && !ArrayBuffer.isView(update)) return;
    throw new QuorateError('BAD_TYPE', `update ${i} must be an object of tensors; got ${kindOf(update)}`, {
      row: i,
    });
  });
  const names = Object.keys(updates[0]!).sort();
  updates.forEach((update, i) => {
    const own = Object.keys(update).sort();
    if (own.length === names.length && own.every((name, k) => name === names[k])) return;
    const missing = names.filter((name) => !own.includes(name)).map((name) => `lacks the tensor '${name}'`);
    const extra = own.filter((name) => !names.includes(name)).map((name) => `has the extra tensor '${name}'`);
    throw new QuorateError('BAD_SHAPE', `update ${i} ${[...missing, ...extra][0]!}, compared with update 0`, {
      row: i,
      got: own,
      expected: names,
    });
  });
  updates.forEach((update, i) => {
    for (const name of names) {
      requireFloat32(update[name], `tensor '${name}' of update ${i}`);
      const [got, expected] = [update[name].length, updates[0]![name]!.length];
      if (got === expected) continue;
      throw new QuorateError(
        'BAD_SHAPE',
        `tensor '${name}' of update ${i} has ${got} entries, that of update 0 has ${expected}`,
        {
          row: i,
          tensor: name,
          got,
          expected,
        },
      );
    }
  });

  const parts: { name: string; from: number; to: number }[] = [];
  let d = 0;
  for (const name of names) parts.push({ name, from: d, to: (d += updates[0]![name]!.length) });
  if (d === 0) throw new QuorateError('EMPTY_INPUT', 'the updates have no entries');

  return {
    n: updates.length,
    d,
    read(row, column, into) {
      for (const { name, from, to } of parts) {
        const first = Math.max(from, column);
        const last = Math.min(to, column + into.length);
        if (first < last) into.set(updates[row]![name]!.subarray(first - from, last - from), first - column);
      }
    },
    name: (value) => Object.fromEntries(parts.map(({ name, from, to }) => [name, value.slice(from, to)])),
  };
}

/** The source's rows, followed by one more. */
export function withRow(source: RowSource, row: Float32Array): RowSource {
  return {
    n: source.n + 1,
    d: source.d,
    read(i, column, into) {
      if (i < source.n) return source.read(i, column, into);
      into.set(row.subarray(column, column + into.length));
      return undefined;
    },
  };
}
