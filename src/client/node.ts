/** What the owner of a node provides: functions that train and evaluate. And what the node reports: its events. */
import type { ErrorCode } from '../errors.js';
import type { TensorShape } from '../formats/tensorShape.js';
import type { SessionConfig } from '../protocol/sessionConfig.js';
import type { UpdateReceipt } from '../protocol/views.js';

/** A model to train or evaluate. */
export interface NodeModel {
  /** The round that produced the model; 0 for the initial one. */
  readonly round: number;
  /** d float32 values, the tensors one after the other. A copy made for this call: keep or modify it freely. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Names and shapes, in the order of `values`. */
  readonly tensors: readonly TensorShape[];
}

/** The argument of `Train`. */
export interface Training {
  /** The model to start from. */
  readonly model: NodeModel;
  /** The round to train for: model.round + 1. */
  readonly round: number;
  /** The `train` object of the session's configuration, unchanged. */
  readonly config: SessionConfig['train'];
  /** Aborted when the round can no longer accept the update, and when the participation ends. */
  readonly signal: AbortSignal;
}

/** The result of `Train`. */
export interface Trained {
  /**
   * d float32 values, of the kind that the session's `updates` names: delta, gradient or weights. Copied before `train`
   * is called again, so its buffer may be reused.
   */
  readonly update: Float32Array;
  /** Number of examples that the update was trained on. Default: not reported. */
  readonly numExamples?: number;
  /** Metrics by name, at most 32. Those that are not finite are left out (event `left-out`). */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** The result of `Evaluate`. */
export interface Evaluated {
  /** Metrics by name, at most 32. Those that are not finite are left out (event `left-out`). */
  readonly metrics: Readonly<Record<string, number>>;
  /** Number of examples that the model was evaluated on. Default: not reported. */
  readonly numExamples?: number;
}

/**
 * Trains a model. Called once per round and model, and again, at most 3 times a round, if the update is refused for its
 * content: a NaN, for example. Never called concurrently with itself or `Evaluate`. Synchronous work
 * blocks heartbeats, so yield to the event loop regularly, or train in a worker. Errors after `signal` is aborted are
 * ignored; any other one ends the participation with TRAINING_FAILED.
 *
 * @example
 * const train: Train = ({ model, config }) => {
 *   const update = new Float32Array(model.values.length); // new − old model, for updates: 'delta'
 *   return { update, numExamples: 600, metrics: { loss: 0.3 } };
 * };
 */
export type Train = (training: Training) => Trained | Promise<Trained>;

/** Evaluates a committed model. Errors end the participation with TRAINING_FAILED. */
export type Evaluate = (evaluation: Omit<Training, 'round'>) => Evaluated | Promise<Evaluated>;

/** What happens to a node, as `onEvent` receives it. */
export type NodeEvent =
  /** `token` is the node's own if it is new: keep it, because it is never sent again. Otherwise null. */
  | { readonly type: 'registered'; readonly node: string; readonly token: string | null }
  /** The event socket opened or closed. While it is closed, the node polls every second. */
  | { readonly type: 'connected' | 'disconnected' }
  /** `train` is about to be called. */
  | { readonly type: 'training'; readonly round: number }
  /** Measurements (metrics by name, or `numExamples`) were NaN or infinite. They are not sent; the rest is. */
  | { readonly type: 'left-out'; readonly round: number; readonly measurements: readonly string[] }
  /** The round can no longer accept the update that was being trained. */
  | { readonly type: 'superseded'; readonly round: number }
  /** The server has the update. */
  | { readonly type: 'accepted'; readonly receipt: UpdateReceipt }
  /** The server refused an update or an evaluation; the node goes on. */
  | { readonly type: 'refused'; readonly round: number; readonly code: ErrorCode; readonly message: string }
  /** The last of a round's updates was refused for its content as well: the node waits for the next round. */
  | { readonly type: 'sat-out'; readonly round: number; readonly code: ErrorCode; readonly message: string }
  /** The server has the evaluation. */
  | {
      readonly type: 'evaluated';
      readonly round: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  /** A request failed temporarily and is repeated after `waitMs`. */
  | {
      readonly type: 'retrying';
      readonly code: ErrorCode;
      readonly message: string;
      readonly waitMs: number;
    };
