import { refuseNonFinite, requireVector } from '../../core/validation.js';
import { QuorateError } from '../../errors.js';
import { type TensorShape, valuesIn } from '../../formats/tensorShape.js';
import type { OptimizerState } from '../../optimizers/serverOptimizer.js';
import { vectorDigest } from '../../aggregation/report.js';
import type { SessionState } from '../../rounds/machine.js';
import type { Checkpoint, SessionStore } from '../../store/store.js';

/** A model: named tensors, whose values lie one after the other. */
export interface Model {
  /** Names and shapes, in the order of the values. */
  readonly tensors: readonly TensorShape[];
  /** d float32; handed over: not written to by either side from then on. */
  readonly values: Float32Array;
}

/** A committed model. */
export interface StoredModel extends Model {
  /** The round that made it; 0 for the initial model. */
  readonly round: number;
  /** SHA-256 of the float32 bytes, in hex. */
  readonly digest: string;
}

/** A model, and what its next step needs. */
export interface CurrentModel extends StoredModel {
  readonly optimizer: OptimizerState | null;
}

/** A session's models: the newest in memory, older ones in the store. */
export class Models {
  private readonly session: string;
  private readonly store: SessionStore;
  private current: CurrentModel | null;

  /** @param checkpoint the newest; null before there is a model */
  constructor(session: string, store: SessionStore, checkpoint: Checkpoint | null) {
    this.session = session;
    this.store = store;
    this.current = checkpoint && modelOf(checkpoint);
  }

  /** The newest committed one; null before the initial one is set. */
  get newest(): CurrentModel | null {
    return this.current;
  }

  /** @throws QuorateError NO_MODEL */
  require(): CurrentModel {
    if (this.current) return this.current;
    throw new QuorateError('NO_MODEL', `session ${this.session} has no model yet`, { session: this.session });
  }

  /** @throws QuorateError NO_MODEL, UNKNOWN_ROUND, CORRUPT_FILE */
  async read(round?: number): Promise<StoredModel> {
    const newest = this.require();
    if (round === undefined || round === newest.round) return newest;
    return modelOf(await this.store.readCheckpoint(round));
  }

  /** A model that is durable. */
  committed(model: CurrentModel): void {
    this.current = model;
  }

  /**
   * Makes the initial model durable.
   *
   * @throws QuorateError BAD_TYPE, EMPTY_INPUT, BAD_SHAPE, NON_FINITE, INVALID_PARAMETER, STORE_FULL, STORE_FAILED
   */
  async begin(model: Model, state: SessionState, createdAtMs: number): Promise<void> {
    checkModel(model);
    const { tensors, values } = model;
    const checkpoint: Checkpoint = {
      round: 0,
      createdAtMs,
      tensors,
      model: values,
      optimizer: null,
      state,
      announcements: [],
      eventsBefore: 0,
      record: null,
    };
    await this.store.writeCheckpoint(checkpoint);
    this.current = modelOf(checkpoint);
  }
}

const modelOf = ({ round, tensors, model, optimizer }: Checkpoint): CurrentModel => ({
  round,
  tensors,
  values: model,
  digest: vectorDigest(model),
  optimizer,
});

function checkModel({ tensors, values }: Model): void {
  requireVector(values, 'model');
  const names = new Set<string>();
  let d = 0;
  for (const { name, shape } of tensors) {
    if (names.has(name)) {
      throw new QuorateError('INVALID_PARAMETER', `the model has two tensors '${name}'`, { tensor: name });
    }
    names.add(name);
    d += valuesIn(shape, name);
  }
  if (d !== values.length) {
    throw new QuorateError('BAD_SHAPE', `the model has ${values.length} values, its tensors ${d}`, {
      got: values.length,
      expected: d,
    });
  }
  refuseNonFinite(values, 'model');
}
