/**
 * A safetensors body as it arrives: its header is gathered, up to a bound that follows from the model's tensors, and
 * must name these very tensors. Where they lie in the model's order their values are handed on as they come; in another
 * order they are put in place in memory, d · 4 bytes, and handed on at the end.
 */
import { QuorateError } from '../errors.js';
import type { Decoder } from './decoder.js';
import {
  headerLength,
  LENGTH_BYTES,
  MAX_HEADER_BYTES,
  readSafetensorsHeader,
  type TensorEntry,
} from './safetensorsHeader.js';
import { type Segment, SegmentStream, type Sink } from './segments.js';
import { type TensorShape, valuesIn } from './tensorShape.js';

/** Headers may be written less tightly than ours, and hold metadata. */
const SPARE_HEADER_BYTES = 65_536;

/** The longest header that is waited for: a bound on what a stream keeps before it knows anything. */
function maxHeaderBytes(tensors: readonly TensorShape[]): number {
  const own = tensors.reduce((sum, { name, shape }) => sum + name.length + shape.length * 8 + 80, 0);
  return Math.min(SPARE_HEADER_BYTES + 6 * own, MAX_HEADER_BYTES);
}

export class SafetensorsStream {
  private readonly decoder: Decoder;
  private readonly model: readonly TensorShape[];
  private readonly sink: Sink;
  private readonly maxHeaderBytes: number;
  /** Of the file: at first its length, then all of the header. */
  private beginning: Uint8Array = new Uint8Array(LENGTH_BYTES);
  private filled = 0;
  private values: SegmentStream | undefined;
  private gathered: Uint8Array | undefined;

  constructor(decoder: Decoder, model: readonly TensorShape[], sink: Sink) {
    this.decoder = decoder;
    this.model = model;
    this.sink = sink;
    this.maxHeaderBytes = maxHeaderBytes(model);
  }

  /** @throws QuorateError MALFORMED, BAD_TYPE, BAD_SHAPE, NON_FINITE; and what the sink throws */
  write(chunk: Uint8Array): void | Promise<void> {
    let rest = chunk;
    while (!this.values) {
      const piece = rest.subarray(0, this.beginning.length - this.filled);
      this.beginning.set(piece, this.filled);
      this.filled += piece.length;
      rest = rest.subarray(piece.length);
      if (this.filled < this.beginning.length) return;
      this.readBeginning();
    }
    return this.values.write(rest);
  }

  /** @throws QuorateError MALFORMED, BAD_SHAPE; and what the sink throws */
  end(): void | Promise<void> {
    if (!this.values) {
      throw new QuorateError('MALFORMED', 'safetensors: the file ends before its header does');
    }
    this.values.end();
    if (this.gathered) return this.sink(this.gathered);
  }

  /** Reads the length and makes room for the header, or reads that. */
  private readBeginning(): void {
    if (this.filled > LENGTH_BYTES) {
      this.values = this.open(readSafetensorsHeader(this.beginning).tensors);
      this.beginning = new Uint8Array(0);
      return;
    }
    const length = this.beginning;
    this.beginning = new Uint8Array(LENGTH_BYTES + headerLength(length, this.maxHeaderBytes));
    this.beginning.set(length);
  }

  private open(tensors: readonly TensorEntry[]): SegmentStream {
    const offsets = matchTensors(tensors, this.model);
    let next = 0;
    const isInOrder = tensors.every(({ values }, k) => {
      const follows = values === 0 || offsets[k] === next;
      next += values;
      return follows;
    });
    if (isInOrder) return new SegmentStream(this.decoder, merged(tensors), this.sink);
    return this.gather(tensors, offsets);
  }

  private gather(tensors: readonly TensorEntry[], offsets: readonly number[]): SegmentStream {
    const d = tensors.reduce((sum, { values }) => sum + values, 0);
    const gathered = new Uint8Array(d * 4);
    this.gathered = gathered;
    let current = 0;
    let done = 0;
    return new SegmentStream(this.decoder, tensors, (bytes) => {
      for (let rest = bytes; rest.length > 0;) {
        const piece = rest.subarray(0, tensors[current]!.values * 4 - done);
        gathered.set(piece, offsets[current]! * 4 + done);
        rest = rest.subarray(piece.length);
        done += piece.length;
        if (done < tensors[current]!.values * 4) continue;
        current++;
        done = 0;
      }
    });
  }
}

/** Neighbors of one encoding made one, so that small tensors are not handed on one by one. */
function merged(segments: readonly Segment[]): Segment[] {
  const all: Segment[] = [];
  for (const { format, values } of segments) {
    const last = all.at(-1);
    if (last?.format.kind === format.kind) all[all.length - 1] = { format, values: last.values + values };
    else all.push({ format, values });
  }
  return all;
}

/**
 * @returns where each tensor of the file begins in the model, in values
 * @throws QuorateError BAD_SHAPE if they are not the model's tensors, each with its shape
 */
function matchTensors(tensors: readonly TensorShape[], model: readonly TensorShape[]): number[] {
  const places = new Map<string, { readonly shape: readonly number[]; readonly offset: number }>();
  let offset = 0;
  for (const { name, shape } of model) {
    places.set(name, { shape, offset });
    offset += valuesIn(shape, name);
  }
  const refuse = (tensor: string, problem: string, details: Record<string, unknown> = {}) =>
    new QuorateError('BAD_SHAPE', `tensor '${tensor}' ${problem}`, { tensor, ...details });

  const offsets = tensors.map(({ name, shape }) => {
    const place = places.get(name);
    if (!place) throw refuse(name, 'is not in the model');
    if (shape.length !== place.shape.length || shape.some((extent, k) => extent !== place.shape[k])) {
      const text = `[${shape.join(', ')}], in the model [${place.shape.join(', ')}]`;
      throw refuse(name, `has the shape ${text}`, { got: shape, expected: place.shape });
    }
    return place.offset;
  });
  if (tensors.length < model.length) {
    const names = new Set(tensors.map(({ name }) => name));
    const missing = model.find(({ name }) => !names.has(name));
    throw refuse(missing?.name ?? '', 'is missing');
  }
  return offsets;
}
