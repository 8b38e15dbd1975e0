import { QuorateError } from '../errors.js';
import { bytesPerValue, type Decoder, type FlatFormat, TILE_VALUES } from './decoder.js';

/**
 * Receives the next float32 bytes, little-endian, split anywhere. They may be reused as soon as it returns, or its
 * promise resolves.
 */
export type Sink = (bytes: Uint8Array) => void | Promise<void>;

/** Values of one encoding. */
export interface Segment {
  readonly format: FlatFormat;
  readonly values: number;
}

const sizeOf = ({ format, values }: Segment): number => values * bytesPerValue[format.kind];

/**
 * Decodes values that arrive from a socket in chunks of any size and alignment to float32, checks that they are finite
 * and of the right number, and passes them on in order. A vector is one segment; a safetensors file may change its
 * encoding from tensor to tensor.
 *
 * Float32 chunks are passed on as they are; they are checked on a copy in the decoder's memory.
 */
export class SegmentStream {
  private readonly decoder: Decoder;
  private readonly segments: readonly Segment[];
  private readonly sink: Sink;
  private readonly passNonFinite: boolean;
  /** Index of the current segment. */
  private current = 0;
  /** Bytes of it that have not arrived. */
  private missingBytes: number;
  /** Values decoded so far, in all segments. */
  private values = 0;
  private received = 0;
  private readonly expected: number;
  /** The start of a value that is split between two chunks. */
  private split: Uint8Array = new Uint8Array(0);
  private tile: Uint8Array | undefined;

  /** @param passNonFinite whether values that are not finite are passed on like others, because the reader's caller decides about them */
  constructor(decoder: Decoder, segments: readonly Segment[], sink: Sink, passNonFinite = false) {
    this.passNonFinite = passNonFinite;
    this.decoder = decoder;
    this.segments = segments.filter(({ values }) => values > 0);
    this.sink = sink;
    this.expected = this.segments.reduce((sum, segment) => sum + sizeOf(segment), 0);
    this.missingBytes = this.sizeOfCurrent();
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk must not change, and no other may be written, until this returns or its promise resolves
   * @throws QuorateError BAD_SHAPE if there are more bytes than expected, NON_FINITE; and whatever the sink throws
   */
  write(chunk: Uint8Array): void | Promise<void> {
    const got = this.received + chunk.length;
    if (got > this.expected) this.refuseSize(got, 'at least ');
    this.received = got;
    return this.advance(chunk);
  }

  /** Marks the end. @throws QuorateError BAD_SHAPE if bytes are missing */
  end(): void {
    if (this.received < this.expected) this.refuseSize(this.received);
  }

  private advance(chunk: Uint8Array): void | Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      const { format } = this.segments[this.current]!;
      const here = rest.subarray(0, Math.min(rest.length, this.missingBytes));
      const taken = format.kind === 'f32' ? here : here.subarray(0, this.roomFor(format));
      rest = rest.subarray(taken.length);
      const pending = format.kind === 'f32' ? this.pass(taken) : this.decode(format, taken);
      this.missingBytes -= taken.length;
      if (this.missingBytes === 0) {
        this.current++;
        this.missingBytes = this.sizeOfCurrent();
      }
      if (pending) return pending.then(() => this.advance(rest));
    }
  }

  private sizeOfCurrent(): number {
    return this.current < this.segments.length ? sizeOf(this.segments[this.current]!) : 0;
  }

  /** The number of bytes that fit in the decoder besides the split value. */
  private roomFor(format: FlatFormat): number {
    return TILE_VALUES * bytesPerValue[format.kind] - this.split.length;
  }

  /** Float32: checked one tile at a time, passed on as it is. */
  private pass(bytes: Uint8Array): void | Promise<void> {
    const format = { kind: 'f32' } as const;
    for (let done = 0; done < bytes.length;) {
      const piece = bytes.subarray(done, done + this.roomFor(format));
      this.check(format, piece);
      done += piece.length;
    }
    return this.sink(bytes);
  }

  private decode(format: FlatFormat, bytes: Uint8Array): void | Promise<void> {
    const decoded = this.check(format, bytes);
    if (decoded.length === 0) return;
    // The decoder may serve other streams before the sink is done.
    this.tile ??= new Uint8Array(TILE_VALUES * 4);
    this.tile.set(decoded);
    return this.sink(this.tile.subarray(0, decoded.length));
  }

  /** @throws QuorateError NON_FINITE */
  private check(format: FlatFormat, bytes: Uint8Array): Uint8Array {
    const decoded = this.decoder.decode(format, this.split, bytes, this.passNonFinite);
    if (typeof decoded === 'number') {
      const index = this.values + decoded;
      throw new QuorateError('NON_FINITE', `value ${index} is NaN or an infinity`, { index });
    }
    this.values += decoded.length / 4;
    this.keepSplit(bytes, bytesPerValue[format.kind]);
    return decoded;
  }

  private keepSplit(bytes: Uint8Array, size: number): void {
    const left = (this.split.length + bytes.length) % size;
    if (left === 0) this.split = this.split.subarray(0, 0);
    else if (left <= bytes.length) this.split = new Uint8Array(bytes.subarray(bytes.length - left));
    else this.split = Uint8Array.of(...this.split, ...bytes);
  }

  /** @throws QuorateError BAD_SHAPE always */
  private refuseSize(got: number, atLeast = ''): never {
    throw new QuorateError(
      'BAD_SHAPE',
      `expected ${this.expected} bytes of values; received ${atLeast}${got}`,
      {
        expected: this.expected,
        got,
      },
    );
  }
}
