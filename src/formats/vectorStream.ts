/**
 * An update's way in: the body of an upload, as it comes from a socket, becomes the model's d float32 values. They are
 * handed on while they arrive, in the model's order, each checked to be finite; nothing is kept but the part of a value
 * that a chunk's end has split.
 *
 * A safetensors body is handed on in the same way if its tensors lie in the model's order, as they do in a file that
 * was made from the model. In another order it is gathered first, in d · 4 bytes.
 */
import { QuorateError } from '../errors.js';
import { loadDecoder, type UpdateFormat } from './decoder.js';
import { SafetensorsStream } from './safetensorsStream.js';
import { SegmentStream, type Sink } from './segments.js';
import type { TensorShape } from './tensorShape.js';

export type { Sink };

/** What an update must be. */
export interface Expected {
  /** Number of values. */
  readonly d: number;
  /** The model's tensors, in order; d values altogether. */
  readonly tensors: readonly TensorShape[];
}

export interface VectorStream {
  /**
   * The next bytes of the body, cut anywhere. Without a promise all is done when it returns; a promise resolves when
   * the sink is ready for more. Until then `chunk` must not change, and nothing else be written. After an error the
   * stream takes nothing more, and what went to the sink is worthless.
   *
   * @throws QuorateError BAD_SHAPE as soon as there is more than there should be, or another tensor; NON_FINITE, with
   *   `details.index`; MALFORMED and BAD_TYPE for safetensors; what the sink throws
   */
  write(chunk: Uint8Array): void | Promise<void>;
  /**
   * The body is complete. Resolves when the sink has all values.
   *
   * @throws QuorateError BAD_SHAPE if values are missing, MALFORMED for safetensors; what the sink throws
   */
  end(): Promise<void>;
}

/**
 * @param format of the body; an int8 scale as it was sent
 * @param sink takes the d · 4 bytes, float32 little-endian; slows the sender down if it returns a promise
 * @throws QuorateError INVALID_PARAMETER for a scale that is negative or not finite
 * @example
 * const stream = await vectorStream({ kind: 'f32' }, { d, tensors }, (bytes) => slot.write(bytes));
 * for await (const chunk of request) await stream.write(chunk);
 * await stream.end();
 */
export async function vectorStream(
  format: UpdateFormat,
  expected: Expected,
  sink: Sink,
): Promise<VectorStream> {
  const decoder = await loadDecoder();
  if (format.kind === 'safetensors') {
    return new OnceStream(new SafetensorsStream(decoder, expected.tensors, sink));
  }
  if (format.kind === 'int8') requireScale(format.scale);
  return new OnceStream(new SegmentStream(decoder, [{ format, values: expected.d }], sink));
}

/** @throws QuorateError INVALID_PARAMETER */
function requireScale(scale: number): void {
  if (typeof scale === 'number' && scale >= 0 && Number.isFinite(Math.fround(scale))) return;
  throw new QuorateError('INVALID_PARAMETER', `int8 takes a finite scale of 0 or more; got ${scale}`, {
    parameter: 'scale',
    value: scale,
  });
}

interface Steps {
  write(chunk: Uint8Array): void | Promise<void>;
  end(): void | Promise<void>;
}

/** Ends for good at the first error, so that no one can go on as if nothing had been. */
class OnceStream implements VectorStream {
  private readonly steps: Steps;
  private failure: { readonly error: unknown } | undefined;

  constructor(steps: Steps) {
    this.steps = steps;
  }

  write(chunk: Uint8Array): void | Promise<void> {
    return this.guard(() => this.steps.write(chunk));
  }

  async end(): Promise<void> {
    await this.guard(() => this.steps.end());
  }

  private guard(work: () => void | Promise<void>): void | Promise<void> {
    if (this.failure) throw this.failure.error;
    try {
      return work()?.catch((error: unknown) => this.fail(error));
    } catch (error) {
      return this.fail(error);
    }
  }

  private fail(error: unknown): never {
    this.failure = { error };
    throw error;
  }
}
