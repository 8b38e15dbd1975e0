/**
 * A node's main loop, which does one thing at a time:
 *
 *   a new model was committed          download it and evaluate it, if there is an `evaluate`
 *   the open round asks for this node  train, send the update
 *   otherwise                          wait for the replica to change
 *
 * Evaluation comes first because a round is committed as soon as it has its updates, without waiting for evaluations: this
 * order ensures that a node whose update is in a round has evaluated the model before it.
 *
 * An update is kept until the next one is trained, so that whatever has to be sent again (after a lost response, a restart
 * of the server, or a failed attempt of the round) is sent byte for byte.
 */
import { type ErrorCode, QuorateError } from '../errors.js';
import type { SessionView } from '../protocol/views.js';
import type { Client, DownloadedModel, EncodedUpdate } from './client.js';
import type { Evaluate, NodeEvent, NodeModel, Train } from './node.js';
import type { Retry } from './retry.js';
import { hasEnded, type OpenRound, type SessionReplica } from './sessionReplica.js';
import { type Encoder, runEvaluation, runTraining } from './training.js';
import { linkedController, sleep, throwIfAborted } from './waiting.js';

/** What the main loop works with. */
export interface Participation {
  readonly session: string;
  readonly node: string;
  readonly train: Train;
  readonly evaluate: Evaluate | undefined;
  readonly client: Client;
  readonly replica: SessionReplica;
  /** Fetches the session's view into the replica. */
  readonly refresh: () => Promise<SessionView>;
  readonly register: () => Promise<unknown>;
  readonly retry: Retry;
  readonly encoder: Encoder;
  readonly onEvent: (event: NodeEvent) => void;
  readonly signal: AbortSignal;
}

/** Refusals that concern a single update or evaluation. Any other one ends the participation. */
const localRefusals: ReadonlySet<ErrorCode> = new Set([
  'ROUND_CLOSED',
  'ROUND_NOT_OPEN',
  'STALE_UPDATE',
  'NOT_ASKED',
  'BUFFER_HAS_UPDATE',
  'CONFLICTING_UPDATE',
  'WRONG_STATE',
  'UNKNOWN_ROUND',
  'NON_FINITE',
  'NON_FINITE_RESULT',
  'NODE_EXCLUDED',
]);

/** Refusals which show that the replica is out of date. */
const staleReplica: ReadonlySet<ErrorCode> = new Set(['ROUND_NOT_OPEN', 'WRONG_STATE', 'NODE_EXCLUDED']);

/** The latest update. */
interface KeptUpdate {
  /** The round that it was trained for. */
  readonly round: number;
  /** The model that it was trained from. */
  readonly modelDigest: string;
  readonly update: EncodedUpdate;
  /** The round that accepted it, which may be a later one in buffered mode. */
  acceptedIn: number | null;
}

/**
 * Runs the loop until the session ends or excludes the node.
 *
 * @returns how many rounds accepted an update
 * @throws QuorateError
 */
export async function participate(part: Participation): Promise<number> {
  const { session, node, client, replica, refresh, retry, onEvent, signal } = part;
  let model: DownloadedModel | null = null;
  let kept: KeptUpdate | null = null;
  let evaluated = hasEnded(replica.status) ? replica.committed : 0;
  const acceptedIn = new Set<number>();

  const newestModel = async (until: AbortSignal): Promise<DownloadedModel> => {
    model = await retry.run(() => client.newerModel(session, model, until), until);
    const d = viewOf(replica).model?.d;
    if (d === undefined || d === model.values.length) return model;
    throw new QuorateError('BAD_RESPONSE', `the model has ${model.values.length} values, not ${d}`, { d });
  };

  /** The kept update if it is the one to send, else a newly trained one. */
  const updateFor = async (
    base: DownloadedModel,
    open: OpenRound,
    until: AbortSignal,
  ): Promise<KeptUpdate> => {
    const sameBase = kept?.round === base.round + 1 && kept.modelDigest === base.digest;
    if (kept && (sameBase || kept.acceptedIn === open.number)) return kept;
    const round = base.round + 1;
    onEvent({ type: 'training', round });
    const { update, ...facts } = await runTraining(part.train, {
      ...inputOf(part, base),
      round,
      signal: until,
    });
    throwIfAborted(until);
    const encoded = await part.encoder.encode(update);
    return (kept = { round, modelDigest: base.digest, update: { ...encoded, ...facts }, acceptedIn: null });
  };

  /**
   * Sends an update, even if the round closes in the meantime: usually this very update closes it, and the event arrives
   * before the response. If the server has lost the node's registration, the node registers again first.
   */
  const send = async ({ round, update }: KeptUpdate) => {
    const sending = () => retry.run(() => client.sendUpdate(session, round, node, update, signal), signal);
    try {
      return await sending();
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'UNKNOWN_NODE') throw error;
      await part.register();
      return sending();
    }
  };

  /** An update for the open round; null if the round ended first, or turned out to be another one. */
  const prepare = async (open: OpenRound): Promise<KeptUpdate | null> => {
    const { controller, unlink } = linkedController(signal);
    let round = open.number;
    const unlisten = replica.onChange(() => {
      if (!isAwaited(replica, round)) controller.abort();
    });
    try {
      const base = await newestModel(controller.signal);
      if (viewOf(replica).config.mode !== 'sync') round = base.round + 1;
      if (round === base.round + 1) return await updateFor(base, open, controller.signal);
      await refreshLater();
      return null;
    } catch (error) {
      throwIfAborted(signal);
      if (!controller.signal.aborted) throw error;
      onEvent({ type: 'superseded', round });
      return null;
    } finally {
      unlisten();
      unlink();
    }
  };

  /** The round that accepted an update: in buffered mode, it may have opened while the node trained for `asked`. */
  const acceptingRound = (round: number, asked: OpenRound): OpenRound =>
    round !== asked.number && replica.open?.number === round ? replica.open : asked;

  const answerRound = async (open: OpenRound): Promise<void> => {
    const prepared = await attempt(open.number, () => prepare(open));
    if (!prepared) return;
    const receipt = await attempt(prepared.round, () => send(prepared));
    if (!receipt) return;
    prepared.acceptedIn = receipt.round;
    acceptedIn.add(receipt.round);
    replica.markAnswered(acceptingRound(receipt.round, open));
    onEvent({ type: 'accepted', receipt });

    /** The result of `work`; null if it was refused for this round only. */
    async function attempt<T>(round: number, work: () => Promise<T>): Promise<T | null> {
      try {
        return await work();
      } catch (error) {
        throwIfAborted(signal);
        if (!(error instanceof QuorateError) || !localRefusals.has(error.code)) throw error;
        onEvent({ type: 'refused', round, code: error.code, message: error.message });
        if (staleReplica.has(error.code)) await refreshLater();
        else replica.markAnswered(open);
        return null;
      }
    }
  };

  /** Refreshes after a pause, so that a server that contradicts itself is not queried in a tight loop. */
  const refreshLater = async (): Promise<void> => {
    await sleep(retry.waitMs(1), signal);
    await refresh();
  };

  const evaluateNewest = async (evaluate: Evaluate): Promise<void> => {
    const base = await newestModel(signal);
    const evaluation = await runEvaluation(evaluate, { ...inputOf(part, base), signal });
    evaluated = Math.max(base.round, replica.committed);
    try {
      await retry.run(() => client.sendEvaluation(session, base.round, node, evaluation, signal), signal);
      onEvent({ type: 'evaluated', round: base.round, metrics: evaluation.metrics });
    } catch (error) {
      if (!(error instanceof QuorateError) || !localRefusals.has(error.code)) throw error;
      onEvent({ type: 'refused', round: base.round, code: error.code, message: error.message });
    }
  };

  for (;;) {
    const { open, answered, excluded, status, committed } = replica;
    const asked = open !== null && (open.asked === null || open.asked.includes(node));
    if (part.evaluate && committed > evaluated && !excluded && isWorthwhile(status)) {
      await evaluateNewest(part.evaluate);
    } else if (asked && !answered && !excluded) await answerRound(open);
    else if (excluded || hasEnded(status)) return acceptedIn.size;
    else await replica.change(signal);
  }
}

const isWorthwhile = (status: SessionView['status']): boolean => status !== 'stopped' && status !== 'failed';

function viewOf({ view }: SessionReplica): SessionView {
  if (!view) throw new QuorateError('INTERNAL', 'the session has not been fetched yet');
  return view;
}

/** Whether the session may still accept an update trained for `round`. */
function isAwaited(replica: SessionReplica, round: number): boolean {
  const { mode } = viewOf(replica).config;
  if (mode === 'sync') return replica.awaits(round);
  return !hasEnded(replica.status) && replica.committed + 1 - round <= mode.buffered.maxStaleness;
}

/** What `train` and `evaluate` receive. The values are copied, so the owner may modify them. */
function inputOf({ replica }: Participation, base: DownloadedModel) {
  const view = viewOf(replica);
  const model: NodeModel = {
    round: base.round,
    values: base.values.slice(),
    tensors: view.model?.tensors ?? [{ name: 'model', shape: [base.values.length] }],
  };
  return { model, config: view.config.train };
}
