/**
 * What a node does for its session, one thing at a time:
 *
 *   a new model is committed     download it, evaluate it, where there is an `evaluate`
 *   the open round asks for it   train, send
 *   otherwise                    wait for the picture to change
 *
 * In this order, for a commit waits for updates and not for evaluations: whoever is in a round has evaluated by then.
 *
 * An update is kept until the next round's, so that whatever must be sent again (a lost answer, a restarted server, the
 * round's next attempt) is the very same bytes.
 */
import { type ErrorCode, QuorateError } from '../errors.js';
import { updateFactsSchema } from '../protocol/sessionConfig.js';
import { evaluationSchema, type SessionView } from '../protocol/views.js';
import type { Client, DownloadedModel, EncodedUpdate } from './client.js';
import type { Encoder } from './encoding.js';
import type { Evaluate, NodeEvent, NodeModel, Train } from './node.js';
import { hasEnded, type OpenRound, type SessionReplica } from './sessionReplica.js';
import type { Retry } from './retry.js';
import { linkedController, refuseAborted, sleep } from './waiting.js';

export interface Participation {
  readonly session: string;
  readonly node: string;
  readonly train: Train;
  readonly evaluate: Evaluate | undefined;
  readonly client: Client;
  readonly picture: SessionReplica;
  /** Brings the picture up to date, and returns what it rests on. */
  readonly look: () => Promise<SessionView>;
  readonly register: () => Promise<unknown>;
  readonly retry: Retry;
  readonly encoder: Encoder;
  readonly onEvent: (event: NodeEvent) => void;
  readonly signal: AbortSignal;
}

/** Answers to an update that concern this update alone. Whatever else is refused ends the node's part. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'ROUND_CLOSED',
  'ROUND_NOT_OPEN',
  'STALE_UPDATE',
  'NOT_ASKED',
  'CONFLICTING_UPDATE',
  'WRONG_STATE',
  'UNKNOWN_ROUND',
  'NON_FINITE',
  'NON_FINITE_RESULT',
  'NODE_EXCLUDED',
]);

/** Those after which the picture must be wrong. */
const surprises: ReadonlySet<ErrorCode> = new Set(['ROUND_NOT_OPEN', 'WRONG_STATE', 'NODE_EXCLUDED']);

/** An update and where it belongs. */
interface Kept {
  /** The round that it was trained for, from the model of this digest. */
  readonly round: number;
  readonly modelDigest: string;
  readonly update: EncodedUpdate;
  /** The round that it was accepted in, which in buffered mode may be a later one. */
  acceptedIn: number | null;
}

/** @returns how many rounds took an update. @throws QuorateError */
export async function participate(part: Participation): Promise<number> {
  const { session, node, client, picture, look, retry, onEvent, signal } = part;
  let model: DownloadedModel | null = null;
  let kept: Kept | null = null;
  let evaluated = hasEnded(picture.status) ? picture.committed : 0;
  const acceptedIn = new Set<number>();

  const newestModel = async (until: AbortSignal): Promise<DownloadedModel> => {
    model = await retry.run(() => client.newerModel(session, model, until), until);
    const d = viewOf(picture).model?.d;
    if (d === undefined || d === model.values.length) return model;
    throw new QuorateError('BAD_RESPONSE', `the model has ${model.values.length} values, not ${d}`, { d });
  };

  /** Trains, unless the very update that is asked for is there already. */
  const updateFor = async (base: DownloadedModel, open: OpenRound, until: AbortSignal): Promise<Kept> => {
    const sameBase = kept?.round === base.round + 1 && kept.modelDigest === base.digest;
    if (kept && (sameBase || kept.acceptedIn === open.number)) return kept;
    const round = base.round + 1;
    onEvent({ type: 'training', round });
    const { update, ...facts } = await train(part, base, until);
    refuseAborted(until);
    const encoded = await part.encoder.encode(update);
    return (kept = { round, modelDigest: base.digest, update: { ...encoded, ...facts }, acceptedIn: null });
  };

  /**
   * Goes on although the round closes meanwhile: most often it is this very update that closes it, and that is heard of
   * before the answer comes. A server that lost its memory asks for the registration once more.
   */
  const send = async ({ round, update }: Kept) => {
    const sending = () => retry.run(() => client.sendUpdate(session, round, node, update, signal), signal);
    try {
      return await sending();
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'UNKNOWN_NODE') throw error;
      await part.register();
      return sending();
    }
  };

  /** Null: the round ended before there was an update for it, or another one is open. */
  const prepare = async (open: OpenRound): Promise<Kept | null> => {
    const { controller, unlink } = linkedController(signal);
    let round = open.number;
    const unlisten = picture.onChange(() => {
      if (!isAwaited(picture, round)) controller.abort();
    });
    try {
      const base = await newestModel(controller.signal);
      if (viewOf(picture).config.mode !== 'sync') round = base.round + 1;
      if (round === base.round + 1) return await updateFor(base, open, controller.signal);
      await lookAgain();
      return null;
    } catch (error) {
      refuseAborted(signal);
      if (!controller.signal.aborted) throw error;
      onEvent({ type: 'superseded', round });
      return null;
    } finally {
      unlisten();
      unlink();
    }
  };

  /** The round that has taken an update: in buffered mode it may have opened while the node trained for `asked`. */
  const takerOf = (round: number, asked: OpenRound): OpenRound =>
    round !== asked.number && picture.open?.number === round ? picture.open : asked;

  const answer = async (open: OpenRound): Promise<void> => {
    const prepared = await attempt(open.number, () => prepare(open));
    if (!prepared) return;
    const receipt = await attempt(prepared.round, () => send(prepared));
    if (!receipt) return;
    prepared.acceptedIn = receipt.round;
    acceptedIn.add(receipt.round);
    picture.markAnswered(takerOf(receipt.round, open));
    onEvent({ type: 'accepted', receipt });

    /** Null: what was tried is refused, for this round alone. */
    async function attempt<T>(round: number, work: () => Promise<T>): Promise<T | null> {
      try {
        return await work();
      } catch (error) {
        refuseAborted(signal);
        if (!(error instanceof QuorateError) || !refusals.has(error.code)) throw error;
        onEvent({ type: 'refused', round, code: error.code, message: error.message });
        if (surprises.has(error.code)) await lookAgain();
        else picture.markAnswered(open);
        return null;
      }
    }
  };

  /** After a pause, lest a server that contradicts itself be asked without end. */
  const lookAgain = async (): Promise<void> => {
    await sleep(retry.waitMs(1), signal);
    await look();
  };

  const evaluateNewest = async (evaluate: Evaluate): Promise<void> => {
    const base = await newestModel(signal);
    const measured = await own('evaluate', async () => {
      const found = await evaluate({ ...givenOf(part, base), signal });
      return evaluationSchema.parse({ metrics: found.metrics, numExamples: found.numExamples ?? null });
    });
    evaluated = Math.max(base.round, picture.committed);
    try {
      await retry.run(() => client.sendEvaluation(session, base.round, node, measured, signal), signal);
      onEvent({ type: 'evaluated', round: base.round, metrics: measured.metrics });
    } catch (error) {
      if (!(error instanceof QuorateError) || !refusals.has(error.code)) throw error;
      onEvent({ type: 'refused', round: base.round, code: error.code, message: error.message });
    }
  };

  for (;;) {
    const { open, answered, excluded, status, committed } = picture;
    const asked = open !== null && (open.asked === null || open.asked.includes(node));
    if (part.evaluate && committed > evaluated && !excluded && isWorthwhile(status)) {
      await evaluateNewest(part.evaluate);
    } else if (asked && !answered && !excluded) await answer(open);
    else if (excluded || hasEnded(status)) return acceptedIn.size;
    else await picture.change(signal);
  }
}

const isWorthwhile = (status: SessionView['status']): boolean => status !== 'stopped' && status !== 'failed';

function viewOf({ view }: SessionReplica): SessionView {
  if (!view) throw new QuorateError('INTERNAL', 'the session was not looked at before');
  return view;
}

/** Whether an update trained for `round` may still be taken. */
function isAwaited(picture: SessionReplica, round: number): boolean {
  const { mode } = viewOf(picture).config;
  if (mode === 'sync') return picture.awaits(round);
  return !hasEnded(picture.status) && picture.committed + 1 - round <= mode.buffered.maxStaleness;
}

function givenOf({ picture }: Participation, base: DownloadedModel) {
  const view = viewOf(picture);
  const model: NodeModel = {
    round: base.round,
    values: base.values.slice(),
    tensors: view.model?.tensors ?? [{ name: 'model', shape: [base.values.length] }],
  };
  return { model, config: view.config.train };
}

/** The owner's code: whatever it throws is TRAINING_FAILED. */
async function own<T>(name: 'train' | 'evaluate', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new QuorateError('TRAINING_FAILED', `${name}: ${message}`, { function: name }, error);
  }
}

function train(part: Participation, base: DownloadedModel, signal: AbortSignal) {
  return own('train', async () => {
    const { update, numExamples, metrics } = await part.train({
      ...givenOf(part, base),
      round: base.round + 1,
      signal,
    });
    if (!(update instanceof Float32Array) || update.length !== base.values.length) {
      throw new TypeError(`the update must be a Float32Array of ${base.values.length} values`);
    }
    const facts = updateFactsSchema.parse({ numExamples: numExamples ?? null, metrics: metrics ?? {} });
    return { update, numExamples: facts.numExamples ?? undefined, metrics: facts.metrics };
  });
}
