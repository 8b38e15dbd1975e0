/** Runs the functions of a node's owner: calls them, checks what they return, and encodes updates for sending. */
import { encode, type Encoding } from '../core/codec.js';
import { createEngine, type Engine } from '../core/engine.js';
import { QuorateError } from '../errors.js';
import { updateFactsSchema } from '../protocol/sessionConfig.js';
import { type Evaluation, evaluationSchema } from '../protocol/views.js';
import { parse } from '../schema.js';
import type { EncodedUpdate } from './client.js';
import { copyOfBytes } from './createClient.js';
import type { Evaluate, Train, Training } from './node.js';

/**
 * Measurements without those that are not finite, which say nothing and could not be sent as JSON.
 *
 * @returns the others, and the names of those left out
 */
function finiteOnly({
  metrics,
  numExamples,
}: {
  readonly metrics?: unknown;
  readonly numExamples?: unknown;
}) {
  const isOdd = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value);
  const entries = typeof metrics === 'object' && metrics !== null ? Object.entries(metrics) : [];
  const leftOut = entries.flatMap(([name, value]) => (isOdd(value) ? [name] : []));
  const finite =
    leftOut.length === 0 ? metrics : Object.fromEntries(entries.filter(([, value]) => !isOdd(value)));
  if (!isOdd(numExamples)) return { metrics: finite, numExamples: numExamples ?? null, leftOut };
  return { metrics: finite, numExamples: null, leftOut: [...leftOut, 'numExamples'] };
}

/** Trains, and checks the result. @throws QuorateError TRAINING_FAILED */
export function runTraining(
  train: Train,
  training: Training,
): Promise<
  { update: Float32Array; leftOut: readonly string[] } & Pick<EncodedUpdate, 'numExamples' | 'metrics'>
> {
  return callOwner('train', async () => {
    const d = training.model.values.length;
    const { update, numExamples, metrics } = await train(training);
    if (!(update instanceof Float32Array) || update.length !== d) {
      throw new TypeError(`the update must be a Float32Array of ${d} values`);
    }
    const { leftOut, ...measured } = finiteOnly({ metrics: metrics ?? {}, numExamples });
    const facts = parse('the result', updateFactsSchema, measured);
    return { update, numExamples: facts.numExamples ?? undefined, metrics: facts.metrics, leftOut };
  });
}

/** Evaluates, and checks the result. @throws QuorateError TRAINING_FAILED */
export function runEvaluation(
  evaluate: Evaluate,
  evaluation: Omit<Training, 'round'>,
): Promise<{ evaluation: Evaluation; leftOut: readonly string[] }> {
  return callOwner('evaluate', async () => {
    const { leftOut, ...measured } = finiteOnly(await evaluate(evaluation));
    return { evaluation: parse('the result', evaluationSchema, measured), leftOut };
  });
}

/** Whatever the owner's function throws becomes TRAINING_FAILED. */
async function callOwner<T>(name: 'train' | 'evaluate', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new QuorateError('TRAINING_FAILED', `${name}: ${message}`, { function: name }, error);
  }
}

/** Encodes updates for sending. */
export interface Encoder {
  /** @throws QuorateError NON_FINITE, NON_FINITE_RESULT; never for f32, which the server checks */
  encode(update: Float32Array): Promise<{ contentType: string; body: Uint8Array<ArrayBuffer> }>;
  dispose(): Promise<void>;
}

/** An encoder that starts an engine only if the encoding needs one. */
export function createEncoder(encoding: Encoding): Encoder {
  let engine: Engine | undefined;

  return {
    async encode(update) {
      if (encoding === 'f32') return { contentType: 'application/octet-stream', body: copyOfBytes(update) };
      engine ??= createEngine({ threads: 1 });
      const encoded = await encode(update, encoding, { engine });
      const scale = encoded.encoding === 'int8' ? `; scale=${encoded.scale}` : '';
      const body = new Uint8Array(encoded.bytes);
      return { contentType: `application/vnd.quorate.${encoding}${scale}`, body };
    },
    dispose: async () => engine?.dispose(),
  };
}
