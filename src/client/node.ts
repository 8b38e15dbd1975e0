/** What a node's owner writes: how to train and evaluate; and what is told of its work. */
import type { TensorShape } from '../formats/tensorShape.js';
import type { ErrorCode } from '../errors.js';
import type { SessionConfig } from '../protocol/sessionConfig.js';
import type { UpdateReceipt } from '../protocol/views.js';

export interface NodeModel {
  /** The model that this round made; 0: the initial one. */
  readonly round: number;
  /** d float32, one tensor after the other: a copy, to be kept or written to as one likes. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly tensors: readonly TensorShape[];
}

export interface Training {
  readonly model: NodeModel;
  /** The round to train for: model.round + 1. */
  readonly round: number;
  /** The session's `train` configuration, as it is. */
  readonly config: SessionConfig['train'];
  /** Aborted when the update would come too late for the round, and when the node's part ends. */
  readonly signal: AbortSignal;
}

export interface Trained {
  /** d float32, of the kind that the session takes: delta, gradient or weights. Copied before this node trains again. */
  readonly update: Float32Array;
  readonly numExamples?: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface Evaluated {
  readonly metrics: Readonly<Record<string, number>>;
  readonly numExamples?: number;
}

/**
 * Called once for a round and model, never twice at a time. Long synchronous work holds up the heartbeat: give the event
 * loop a turn now and then, or use a worker. What it throws after the signal's abort is ignored.
 */
export type Train = (training: Training) => Trained | Promise<Trained>;

export type Evaluate = (evaluation: Omit<Training, 'round'>) => Evaluated | Promise<Evaluated>;

export type NodeEvent =
  /** `token`: the node's own, if the server just made it; keep it, it is told once. */
  | { readonly type: 'registered'; readonly node: string; readonly token: string | null }
  /** The event socket; without it the node asks every second. */
  | { readonly type: 'connected' | 'disconnected' }
  | { readonly type: 'training'; readonly round: number }
  /** The round ended before the update was in. */
  | { readonly type: 'superseded'; readonly round: number }
  | { readonly type: 'accepted'; readonly receipt: UpdateReceipt }
  | { readonly type: 'refused'; readonly round: number; readonly code: ErrorCode; readonly message: string }
  | {
      readonly type: 'evaluated';
      readonly round: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'retrying';
      readonly code: ErrorCode;
      readonly message: string;
      readonly waitMs: number;
    };
