/**
 * Updates on their way in:
 *
 *   admit    whether it would be taken, before the body is read
 *   stream   decoded, checked and hashed into a slot of the round's file
 *   turn     one commit of a node at a time: a second one waits, and is compared then
 *   commit   durable
 *   event    in the round, or too late for it; only now it is answered
 *
 * An update that is here already is not stored again: the same bytes are answered as before, others are refused.
 */
import type { Hash } from '../../../bindings/abi.js';
import { currentHost } from '../../core/host.js';
import { type ErrorCode, QuorateError } from '../../errors.js';
import { type Sink, vectorStream } from '../../formats/vectorStream.js';
import type { UpdateReceipt } from '../../protocol/views.js';
import { type AcceptedUpdate, admit } from '../../rounds/machine.js';
import type { Slot } from '../../store/store.js';
import { type IncomingUpdate, readChunks } from './readChunks.js';
import type { Clock } from '../../core/clock.js';
import { digestOfPieces } from '../session/verifyRows.js';
import type { RoundHandle } from '../session/roundHandle.js';
import type { Session } from '../session/session.js';
import { KeyedMutex } from '../../core/keyedMutex.js';
import type { UpdateHashes } from './updateHash.js';

/** An update that is in a round already. */
interface Earlier {
  readonly round: number;
  readonly update: Pick<AcceptedUpdate, 'digest' | 'staleness'>;
  readonly accepted: number;
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

  /** @throws QuorateError what would refuse it; counted in the node's history */
  check(node: string, round: number): void {
    this.session.models.require();
    const admission = this.admission(node, round);
    if (admission.kind !== 'refused' || this.mayBeCommitted(node, round)) return;
    this.session.refused(node, admission.code);
    throw refusal(admission);
  }

  /** @throws QuorateError counted in the node's history where it is to blame */
  async receive(incoming: IncomingUpdate): Promise<UpdateReceipt> {
    const interrupt = new AbortController();
    this.interrupts.add(interrupt);
    const work = this.take(incoming, interrupt.signal);
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

  /** Gives up what is half here, and waits for what is being committed. */
  async close(): Promise<void> {
    for (const interrupt of this.interrupts) {
      interrupt.abort(new QuorateError('SHUTTING_DOWN', 'the coordinator is closing; send it again later'));
    }
    await Promise.allSettled(this.underWay);
  }

  private admission(node: string, round: number) {
    return admit(this.session.plan.policy, this.session.state, { node, round });
  }

  private async take(incoming: IncomingUpdate, giveUp: AbortSignal): Promise<UpdateReceipt> {
    const { node, round } = incoming;
    this.session.models.require();
    const committed = await this.committedBefore(node, round);
    if (committed) return this.compareBody(incoming, committed, giveUp);
    const admission = this.admission(node, round);
    switch (admission.kind) {
      case 'refused':
        throw refusal(admission);
      case 'repeat':
        return this.compareBody(incoming, this.inOpenRound(admission.update), giveUp);
      case 'new':
        return this.store(incoming, giveUp);
    }
  }

  /** Whether a committed round may have this update: then its record tells. */
  private mayBeCommitted(node: string, round: number): boolean {
    const { nodes } = this.session.state;
    const trainedFor = Object.hasOwn(nodes, node) ? nodes[node]!.trainedFor : null;
    return trainedFor !== null && round <= trainedFor && round >= 1;
  }

  private async committedBefore(node: string, round: number): Promise<Earlier | null> {
    if (!this.mayBeCommitted(node, round)) return null;
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
    if (round.phase !== 'collecting' && round.phase !== 'aggregating') throw closed();
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
    { session, node, round }: IncomingUpdate,
    earlier: Earlier,
    digest: string,
  ): Promise<UpdateReceipt> {
    const known = earlier.update.digest ?? (await this.storedDigest(earlier.round, node));
    if (known !== digest) {
      throw new QuorateError('CONFLICTING_UPDATE', `${node} has sent another update for round ${round}`, {
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

  /** Another update of the node may have come in between: that one counts. */
  private async commit(
    incoming: IncomingUpdate,
    file: RoundHandle,
    slot: Slot,
    digest: string | null,
  ): Promise<UpdateReceipt> {
    const { node, round, numExamples, metrics } = incoming;
    const admission = this.admission(node, round);
    if (this.session.file !== file || admission.kind !== 'new') {
      await slot.abort();
      if (admission.kind === 'refused') throw refusal(admission);
      if (admission.kind === 'new') throw closed();
      if (digest !== null) return this.compare(incoming, this.inOpenRound(admission.update), digest);
      throw new QuorateError('INCOMPLETE_UPLOAD', 'another upload came in between: send it again', { node });
    }
    const update = { node, digest, numExamples, metrics };
    const { staleness } = admission;
    await slot.commit({ ...update, staleness, responseMs: this.responseMs(round) });
    // What is durable in a place that is closed by now is in no round.
    if (this.session.file !== file) throw closed();
    return this.answer(round, update);
  }

  /** The decision of the round. */
  private async answer(
    round: number,
    update: Omit<AcceptedUpdate, 'staleness' | 'responseMs'>,
  ): Promise<UpdateReceipt> {
    for (const effect of await this.session.send({ type: 'update-stored', round, update })) {
      if (effect.type === 'accept') return this.receipt(update.node, effect, update.digest, false);
      if (effect.type === 'refuse') throw refusal(effect);
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
   * @throws QuorateError whatever is wrong with the body
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
    if (error instanceof QuorateError && !ours.includes(error.code)) this.session.refused(node, error.code);
  }
}

const refusal = ({ code, message }: { readonly code: ErrorCode; readonly message: string }): QuorateError =>
  new QuorateError(code, message);

const closed = (): QuorateError => new QuorateError('ROUND_CLOSED', 'the round closed while the update came');
