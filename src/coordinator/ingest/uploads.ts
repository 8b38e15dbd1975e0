/**
 * Updates on their way in:
 *
 *   admit    before the body is read: `admit` of the rounds decides whether the update would be taken
 *   stream   decoded, checked and hashed into a slot of the round's file
 *   turn     one commit of a node at a time: a second one waits, and is compared then
 *   admit    once more, for streaming took its time: a slot that would be refused is not made durable
 *   commit   durable
 *   event    the rounds take the update, or refuse it, for this took its time too; only now it is answered
 *
 * An update that the round has already is not stored again: the same bytes are answered as before, others are refused.
 * One that is refused although it is durable is answered when it can't return with its round any more, after a crash:
 * once the round is sealed without it, or discarded.
 */
import type { Hash } from '../../../bindings/abi.js';
import { currentHost } from '../../core/host.js';
import { type ErrorCode, QuorateError } from '../../errors.js';
import { type Sink, vectorStream } from '../../formats/vectorStream.js';
import type { UpdateReceipt } from '../../protocol/views.js';
import { type AcceptedUpdate, type Admission, admit, holdsUpdates } from '../../rounds/machine.js';
import type { Slot } from '../../store/store.js';
import { type IncomingUpdate, readChunks } from './readChunks.js';
import type { Clock } from '../../core/clock.js';
import { digestOfPieces } from '../session/roundAggregation.js';
import type { RoundHandle } from '../session/roundHandle.js';
import type { Session } from '../session/session.js';
import { KeyedMutex } from '../../core/keyedMutex.js';
import type { UpdateHashes } from './updateHash.js';

/** An update that is in a round already. */
interface Earlier {
  readonly round: number;
  readonly update: Pick<AcceptedUpdate, 'digest' | 'staleness' | 'numExamples' | 'metrics'>;
  readonly accepted: number;
}

/** What a node reports along with an update. */
type Facts = Pick<AcceptedUpdate, 'numExamples' | 'metrics'>;

function haveSameFacts(one: Facts, other: Facts): boolean {
  const names = Object.keys(one.metrics);
  return (
    one.numExamples === other.numExamples &&
    names.length === Object.keys(other.metrics).length &&
    names.every((name) => Object.hasOwn(other.metrics, name) && one.metrics[name] === other.metrics[name])
  );
}

/** Not the node's fault, so not in its history. */
const ours: readonly ErrorCode[] = [
  'STORE_FULL',
  'STORE_FAILED',
  'WORKER_FAILED',
  'SHUTTING_DOWN',
  'INTERNAL',
  'CORRUPT_FILE',
];

export interface UploadsOptions {
  readonly clock: Clock;
  readonly hashes: UpdateHashes;
  /** Whether the SHA-256 of each update is taken. */
  readonly takesDigests: boolean;
}

export class Uploads {
  private readonly session: Session;
  private readonly clock: Clock;
  private readonly hashes: UpdateHashes;
  private readonly takesDigests: boolean;
  private readonly turns = new KeyedMutex();
  /** Of those under way. */
  private readonly interrupts = new Set<AbortController>();
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(session: Session, { clock, hashes, takesDigests }: UploadsOptions) {
    this.session = session;
    this.clock = clock;
    this.hashes = hashes;
    this.takesDigests = takesDigests;
  }

  /**
   * Decides before the body is read.
   *
   * @throws QuorateError NO_MODEL; a refusal, which is counted in the node's history
   */
  admit(node: string, round: number): Exclude<Admission, { kind: 'refused' }> {
    this.session.models.require();
    const admission = admit(this.session.plan.policy, this.session.state, { node, round });
    if (admission.kind !== 'refused') return admission;
    this.session.refused(node, admission.code);
    throw refusal(admission);
  }

  /** @throws QuorateError counted in the node's history if the node is to blame */
  async receive(incoming: IncomingUpdate): Promise<UpdateReceipt> {
    const admission = this.admit(incoming.node, incoming.round);
    const interrupt = new AbortController();
    this.interrupts.add(interrupt);
    const work = this.take(incoming, admission, interrupt.signal);
    this.underWay.add(work);
    try {
      return await work;
    } catch (error) {
      this.count(incoming.node, error);
      throw error;
    } finally {
      this.interrupts.delete(interrupt);
      this.underWay.delete(work);
    }
  }

  /** Cancels what is incomplete, and waits for what is being committed. */
  async close(): Promise<void> {
    for (const interrupt of this.interrupts) {
      interrupt.abort(new QuorateError('SHUTTING_DOWN', 'the coordinator is closing; send it again later'));
    }
    await Promise.allSettled(this.underWay);
  }

  private async take(
    incoming: IncomingUpdate,
    admission: Exclude<Admission, { kind: 'refused' }>,
    giveUp: AbortSignal,
  ): Promise<UpdateReceipt> {
    switch (admission.kind) {
      case 'past': {
        const committed = await this.inCommittedRound(incoming);
        if (!committed) throw refusal(admission);
        return this.compareBody(incoming, committed, giveUp);
      }
      case 'repeat':
        return this.compareBody(incoming, this.inOpenRound(admission.update), giveUp);
      case 'new':
        return this.store(incoming, giveUp);
    }
  }

  private async inCommittedRound({ node, round }: IncomingUpdate): Promise<Earlier | null> {
    const { plan, archive, state } = this.session;
    const { mode } = plan.policy;
    const last = mode.kind === 'buffered' ? round + mode.maxStaleness : round;
    for (let number = round; number <= Math.min(last, state.committed); number++) {
      const record = await archive.record(number).catch(() => null); // it is not kept any more
      const update = record?.updates.find((row) => row.node === node && number - row.staleness === round);
      if (record && update) return { round: number, update, accepted: record.updates.length };
    }
    return null;
  }

  private inOpenRound(update: AcceptedUpdate): Earlier {
    const { round } = this.session.state;
    if (!holdsUpdates(round)) throw closed();
    return { round: round.number, update, accepted: Object.keys(round.accepted).length };
  }

  /** Reads the body, and compares it with what is here. */
  private async compareBody(
    incoming: IncomingUpdate,
    earlier: Earlier,
    giveUp: AbortSignal,
  ): Promise<UpdateReceipt> {
    const digest = await this.stream(incoming, giveUp, true, () => undefined);
    return this.compare(incoming, earlier, digest);
  }

  /** @throws QuorateError CONFLICTING_UPDATE */
  private async compare(
    { session, node, round, numExamples, metrics }: IncomingUpdate,
    earlier: Earlier,
    digest: string,
  ): Promise<UpdateReceipt> {
    const known = earlier.update.digest ?? (await this.storedDigest(earlier.round, node));
    const isOther = known !== digest;
    if (isOther || !haveSameFacts(earlier.update, { numExamples, metrics })) {
      const sent = isOther ? 'another update' : 'this update with other numExamples or metrics';
      throw new QuorateError('CONFLICTING_UPDATE', `${node} has sent ${sent} for round ${round}`, {
        session,
        node,
        round,
      });
    }
    return this.receipt(node, earlier, digest, true);
  }

  private async storedDigest(round: number, node: string): Promise<string> {
    const { bytes } = await this.session.readUpdate(round, node);
    return digestOfPieces(bytes);
  }

  private async store(incoming: IncomingUpdate, giveUp: AbortSignal): Promise<UpdateReceipt> {
    const { file } = this.session;
    if (!file) throw closed();
    const place = await file.ready();
    const slot = await place.reserve(incoming.node, this.takesDigests);
    let digest: string | null;
    try {
      digest = await this.stream(incoming, giveUp, this.takesDigests, (bytes) => slot.write(bytes));
    } catch (error) {
      await slot.abort();
      throw error;
    }
    return this.turns.run(incoming.node, () => this.commit(incoming, file, slot, digest));
  }

  /** Another update of the node may have come meanwhile: that one counts. */
  private async commit(
    incoming: IncomingUpdate,
    file: RoundHandle,
    slot: Slot,
    digest: string | null,
  ): Promise<UpdateReceipt> {
    const { node, round, numExamples, metrics } = incoming;
    const { attempt } = file;
    const admission = admit(this.session.plan.policy, this.session.state, { node, round, attempt });
    switch (admission.kind) {
      case 'new': {
        const update = { node, digest, numExamples, metrics };
        const { staleness } = admission;
        await slot.commit({ ...update, staleness, responseMs: this.responseMs(round) });
        return this.answer(round, file, update);
      }
      case 'repeat':
        await slot.abort();
        if (digest !== null) return this.compare(incoming, this.inOpenRound(admission.update), digest);
        throw new QuorateError('INCOMPLETE_UPLOAD', 'another upload came meanwhile: send it again', { node });
      case 'past':
      case 'refused':
        await slot.abort();
        throw refusal(admission);
    }
  }

  /** The decision of the round on an update that is durable. */
  private async answer(
    round: number,
    file: RoundHandle,
    update: Omit<AcceptedUpdate, 'staleness' | 'responseMs'>,
  ): Promise<UpdateReceipt> {
    const { attempt } = file;
    for (const effect of await this.session.send({ type: 'update-stored', round, attempt, update })) {
      if (effect.type === 'accept') return this.receipt(update.node, effect, update.digest, false);
      if (effect.type !== 'refuse') continue;
      await file.decided();
      throw new CountedRefusal(effect.code, effect.message);
    }
    throw new QuorateError('INTERNAL', 'the round gave no answer', { round, node: update.node });
  }

  private responseMs(round: number): number {
    const openedAtMs = this.session.state.openings[round] ?? this.clock.now();
    return Math.max(0, this.clock.now() - openedAtMs);
  }

  private receipt(node: string, earlier: Earlier, digest: string | null, repeated: boolean): UpdateReceipt {
    const { round, accepted, update } = earlier;
    const { quorum } = this.session.plan.policy;
    return { round, node, digest, repeated, staleness: update.staleness, accepted, quorum };
  }

  /**
   * Hands the values on as they come.
   *
   * @returns their SHA-256, null if it is not wanted
   * @throws QuorateError if the body is not valid
   */
  private async stream(
    incoming: IncomingUpdate,
    giveUp: AbortSignal,
    isDigestWanted: true,
    sink: Sink,
  ): Promise<string>;
  private async stream(
    incoming: IncomingUpdate,
    giveUp: AbortSignal,
    isDigestWanted: boolean,
    sink: Sink,
  ): Promise<string | null>;
  private async stream(
    incoming: IncomingUpdate,
    giveUp: AbortSignal,
    isDigestWanted: boolean,
    sink: Sink,
  ): Promise<string | null> {
    const { body, bodyDigest, format, node } = incoming;
    const { tensors, values } = this.session.models.require();
    // The body of float32 is the values: one hash for both.
    const isBody = isDigestWanted && format.kind === 'f32';
    const bodyHash: Hash | null = bodyDigest && !isBody ? currentHost().sha256() : null;
    const hash = this.hashes.begin(incoming, values.length, isDigestWanted);
    try {
      const stream = await vectorStream(format, { d: values.length, tensors }, (bytes) => {
        hash.update(bytes);
        return sink(bytes);
      });
      const take = (chunk: Uint8Array): void | Promise<void> => {
        bodyHash?.update(chunk);
        const pending = stream.write(chunk);
        return pending ? pending.then(() => hash.spent(chunk)) : hash.spent(chunk);
      };
      await readChunks(body, take, giveUp);
      await stream.end();
      const digest = await hash.hex();
      if (bodyDigest && Buffer.from(bodyDigest).toString('hex') !== (bodyHash?.hex() ?? digest)) {
        throw new QuorateError('BAD_DIGEST', 'the body is not what its digest says', { node });
      }
      return digest;
    } catch (error) {
      hash.forget();
      throw error;
    }
  }

  private count(node: string, error: unknown): void {
    if (!(error instanceof QuorateError) || error instanceof CountedRefusal) return;
    if (!ours.includes(error.code)) this.session.refused(node, error.code);
  }
}

/** A refusal by the rounds, which have counted it in the node's history. */
class CountedRefusal extends QuorateError {}

const refusal = ({ code, message }: { readonly code: ErrorCode; readonly message: string }): QuorateError =>
  new QuorateError(code, message);

const closed = (): QuorateError => new QuorateError('ROUND_CLOSED', 'the round closed while the update came');
