/**
 * A safetensors body as it arrives. Its header is collected, up to a limit that depends on the model's tensors, and must
 * name exactly these tensors. If they are in the model's order, their values are passed on as they arrive; otherwise they
 * are put in place in memory, d · 4 bytes, and passed on at the end.
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
import { matchTensors, type TensorShape } from './tensorShape.js';

/** Room for headers that are formatted less compactly than ours, and for metadata. */
const SPARE_HEADER_BYTES = 65_536;

/** The longest header accepted, which limits what a stream buffers before the header is complete. */
function maxHeaderBytes(tensors: readonly TensorShape[]): number {
  const own = tensors.reduce((sum, { name, shape }) => sum + name.length + shape.length * 8 + 80, 0);
  return Math.min(SPARE_HEADER_BYTES + 6 * own, MAX_HEADER_BYTES);
}

/** Decodes a safetensors body to the model's values. */
export class SafetensorsStream {
  private readonly decoder: Decoder;
  private readonly model: readonly TensorShape[];
  private readonly sink: Sink;
  private readonly maxHeaderBytes: number;
  /** The start of the file: first the header's length, then the whole header. */
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

  /** @throws QuorateError MALFORMED, BAD_TYPE, BAD_SHAPE, NON_FINITE; and whatever the sink throws */
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

  /** @throws QuorateError MALFORMED, BAD_SHAPE; and whatever the sink throws */
  end(): void | Promise<void> {
    if (!this.values) {
      throw new QuorateError('MALFORMED', 'safetensors: the file ends within its header');
    }
    this.values.end();
    if (this.gathered) return this.sink(this.gathered);
  }

  /** Reads the header's length and allocates room for it, or reads the header. */
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

/** Joins neighbors with the same encoding, so that small tensors are not passed on one by one. */
function merged(segments: readonly Segment[]): Segment[] {
  const all: Segment[] = [];
  for (const { format, values } of segments) {
    const last = all.at(-1);
    if (last?.format.kind === format.kind) all[all.length - 1] = { format, values: last.values + values };
    else all.push({ format, values });
  }
  return all;
}
