import { QuorateError } from '../errors.js';
import { loadDecoder, type UpdateFormat } from './decoder.js';
import { SafetensorsStream } from './safetensorsStream.js';
import { SegmentStream, type Sink } from './segments.js';
import type { TensorShape } from './tensorShape.js';

export type { Sink };

/** What an update must contain. */
export interface Expected {
  /** Number of values. */
  readonly d: number;
  /** The model's tensors, in order; d values in total. */
  readonly tensors: readonly TensorShape[];
}

/** An upload's body on its way in. Made by `vectorStream`. */
export interface VectorStream {
  /**
   * Takes the next bytes of the body, split anywhere. If it returns a promise, `chunk` must not change and nothing else
   * may be written until the promise resolves. After an error every further call throws the same error, and the sink's
   * output is incomplete.
   *
   * @throws QuorateError BAD_SHAPE as soon as the body is too long or contains a wrong tensor; NON_FINITE, with
   *   `details.index`; MALFORMED and BAD_TYPE for safetensors; whatever the sink throws
   */
  write(chunk: Uint8Array): void | Promise<void>;
  /**
   * Marks the end of the body. Resolves when the sink has all values.
   *
   * @throws QuorateError BAD_SHAPE if values are missing, MALFORMED for safetensors; whatever the sink throws
   */
  end(): Promise<void>;
}

/**
 * Decodes the body of an upload, as it arrives from a socket, to the model's d float32 values. They are passed on in the
 * model's order as they arrive, each checked to be finite; only a value split between chunks is kept.
 *
 * A safetensors body is passed on in the same way if its tensors are in the model's order. Otherwise it is collected
 * first, in d · 4 bytes.
 *
 * @param format of the body
 * @param sink receives the d · 4 bytes, float32 little-endian; a promise that it returns slows the sender down
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
  throw new QuorateError('INVALID_PARAMETER', `int8 needs a finite scale of at least 0; got ${scale}`, {
    parameter: 'scale',
    value: scale,
  });
}

interface Steps {
  write(chunk: Uint8Array): void | Promise<void>;
  end(): void | Promise<void>;
}

/** Fails permanently at the first error. */
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
