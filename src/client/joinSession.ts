/**
 * A node's participation in a session, from its registration to the session's end. Three tasks run concurrently:
 *
 *   heartbeat      reports that the node is alive; registers it again if the server no longer knows it
 *   feed           keeps the replica of the session up to date (feed.ts, sessionReplica.ts)
 *   participation  trains, sends and evaluates as the replica requires (participation.ts)
 */
import { type Encoding, encodings } from '../core/codec.js';
import { refuseUnknown } from '../core/validation.js';
import { type ErrorCode, QuorateError } from '../errors.js';
import { newToken } from '../protocol/names.js';
import type { SessionView } from '../protocol/views.js';
import type { Registered } from './client.js';
import { clientOf } from './createClient.js';
import type { OpenSocket } from './eventStream.js';
import { follow } from './feed.js';
import type { Evaluate, NodeEvent, Train } from './node.js';
import { participate, type Participated } from './participation.js';
import { createRetry, type RetryOptions } from './retry.js';
import { createSessionReplica, type SessionReplica } from './sessionReplica.js';
import { createEncoder } from './training.js';
import { createTransport, tokenOf } from './transport.js';
import { aborted, linkedController, sleep, unlessAborted } from './waiting.js';

/** The options of `joinSession`. */
export interface JoinOptions {
  /** The server's address, such as 'http://127.0.0.1:8080'. A path in it is kept. */
  readonly server: string;
  /** The session's name. */
  readonly session: string;
  /** The node's name. With a name that is registered already, the node comes back. */
  readonly node: string;
  /**
   * The node's own token, from an earlier registration or of its own choice (256 random bits in base64url); or the admin's.
   * Default: none.
   */
  readonly token?: string | null;
  /** Allows a new node to register, with `token` or else a random one, which the event `registered` delivers. */
  readonly enrollmentToken?: string | null;
  /** Trains the model; see `Train`. */
  readonly train: Train;
  /** Evaluates each committed model. Default: models are not evaluated. */
  readonly evaluate?: Evaluate;
  /** How updates are encoded. Default: 'f32', which is exact. */
  readonly encoding?: Encoding;
  /** Ends the participation; `joinSession` then rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** Called synchronously with everything that happens. */
  readonly onEvent?: (event: NodeEvent) => void;
  /** How temporary failures are retried. */
  readonly retry?: RetryOptions;
}

/** How a participation ended. */
export interface Outcome {
  /** The session's final status, or `excluded` if it continues without this node. */
  readonly status: 'completed' | 'stopped' | 'failed' | 'excluded';
  /** Why the session ended, if it says so. */
  readonly reason: string | null;
  /** The last committed round. */
  readonly committed: number;
  /** The number of rounds that accepted an update sent by this call. */
  readonly accepted: number;
  /**
   * The number of rounds that refused every update sent by this call for its content, such as a NaN; `refusal` is the last
   * such refusal. If this exceeds 0 while `accepted` is 0, the node has contributed nothing.
   */
  readonly refused: number;
  /** Null if no update was refused for its content. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string } | null;
}

const known = [
  'server',
  'session',
  'node',
  'token',
  'enrollmentToken',
  'train',
  'evaluate',
  'encoding',
  'signal',
  'onEvent',
  'retry',
];

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER, BAD_TYPE */
function check(options: JoinOptions): void {
  refuseUnknown('joinSession', options, known);
  const { train, evaluate, encoding = 'f32' } = options;
  for (const name of ['server', 'session', 'node'] as const) {
    if (typeof options[name] === 'string' && options[name] !== '') continue;
    throw new QuorateError('INVALID_PARAMETER', `joinSession: ${name} must be a string`, { parameter: name });
  }
  if (typeof train !== 'function' || (evaluate !== undefined && typeof evaluate !== 'function')) {
    throw new QuorateError('BAD_TYPE', 'joinSession: train must be a function, and evaluate too if given');
  }
  if (!encodings.includes(encoding)) {
    throw new QuorateError('INVALID_PARAMETER', `joinSession: unknown encoding '${encoding as string}'`, {
      parameter: 'encoding',
      known: encodings,
    });
  }
}

/** `joinSession`, with the host's WebSockets. */
export async function join(options: JoinOptions, openSocket: OpenSocket): Promise<Outcome> {
  check(options);
  const { session, node, onEvent = () => undefined } = options;
  const token = tokenOf('token', options.token ?? null);
  const enrollmentToken = tokenOf('enrollmentToken', options.enrollmentToken ?? null);
  const transport = createTransport(options.server, token ?? enrollmentToken);
  const client = clientOf(transport, openSocket);
  const retry = createRetry(options.retry ?? {}, (error, waitMs) => {
    onEvent({ type: 'retrying', code: error.code, message: error.message, waitMs });
  });
  const encoder = createEncoder(options.encoding ?? 'f32');
  const replica = createSessionReplica(node);
  const { controller, unlink } = linkedController(options.signal ?? new AbortController().signal);
  const { signal } = controller;

  const ownToken = token ?? newToken();
  // With a token chosen here, a registration whose response was lost can be repeated unchanged.
  const enroll = (): Promise<Registered> => {
    transport.token = enrollmentToken;
    return client.registerNode({ id: node, sessions: [session], token: ownToken }, signal);
  };
  const reregister = (): Promise<Registered> =>
    client.registerNode({ id: node, sessions: [session] }, signal).catch((error: unknown) => {
      const isUnknown = error instanceof QuorateError && error.code === 'UNAUTHORIZED';
      if (isUnknown && enrollmentToken !== null) return enroll();
      throw error;
    });

  /** Registers, with retries. From then on, requests carry the node's own token. */
  const register = async (): Promise<number> => {
    const registered = await retry.run(
      () => (transport.token === enrollmentToken && enrollmentToken !== null ? enroll() : reregister()),
      signal,
    );
    if (registered.token !== null) transport.token = registered.token;
    onEvent({ type: 'registered', node, token: registered.token });
    return registered.node.heartbeatMs;
  };

  const fetchView = (): Promise<SessionView> =>
    retry.run(() => client.session(session, signal, node), signal);
  const refresh = async (): Promise<SessionView> => {
    for (;;) {
      const asOf = replica.version;
      const view = await fetchView();
      if (replica.applyView(view, asOf)) return view;
    }
  };

  const keepHeartbeat = async (everyMs: number): Promise<void> => {
    for (let periodMs = everyMs; ;) {
      await sleep(periodMs * HEARTBEAT_SHARE, signal);
      try {
        // Neither a silent connection nor a long backoff may delay the next heartbeat: the server counts missed ones.
        const timeoutMs = Math.max(periodMs, MIN_TIMEOUT_MS);
        const sendHeartbeat = () => client.heartbeat(node, signal, timeoutMs);
        periodMs = (await retry.run(sendHeartbeat, signal, periodMs)).heartbeatMs;
      } catch (error) {
        if (!(error instanceof QuorateError) || error.code !== 'UNKNOWN_NODE') throw error;
        periodMs = await register();
      }
    }
  };

  let failure: Error | undefined;
  const background = (task: Promise<unknown>): Promise<void> =>
    task.then(
      () => undefined,
      (error: unknown) => {
        if (signal.aborted) return;
        failure = error instanceof Error ? error : new Error(String(error));
        controller.abort(error);
      },
    );

  const tasks: Promise<void>[] = [];
  try {
    const heartbeatMs = await register();
    await refresh();
    tasks.push(background(keepHeartbeat(heartbeatMs)));
    const onConnection = (connected: boolean): void =>
      onEvent({ type: connected ? 'connected' : 'disconnected' });
    tasks.push(
      background(follow({ session, replica, transport, openSocket, refresh, retry, onConnection, signal })),
    );
    const participated = await unlessAborted(
      participate({
        session,
        node,
        train: options.train,
        evaluate: options.evaluate,
        client,
        replica,
        refresh,
        register,
        retry,
        encoder,
        onEvent,
        signal,
      }),
      signal,
    );
    return outcomeOf(replica, participated);
  } catch (error) {
    if (failure !== undefined) throw failure;
    if (options.signal?.aborted) throw aborted(options.signal);
    throw error;
  } finally {
    controller.abort();
    unlink();
    await Promise.all(tasks);
    await encoder.dispose();
  }
}

/** The share of the period after which a heartbeat is sent, so that it arrives in time on a busy machine. */
const HEARTBEAT_SHARE = 0.8;
/** A busy server may take this long to respond to a heartbeat, however short the period. */
const MIN_TIMEOUT_MS = 1000;

function outcomeOf(
  { status, reason, committed, excluded }: SessionReplica,
  { refusal, ...counts }: Participated,
): Outcome {
  const result = {
    committed,
    ...counts,
    refusal: refusal && { code: refusal.code, message: refusal.message },
  };
  if (status === 'completed' || status === 'stopped' || status === 'failed') {
    return { status, reason, ...result };
  }
  if (excluded) return { status: 'excluded', reason: 'the session excluded this node', ...result };
  throw new QuorateError('INTERNAL', `the participation ended while the session is ${status}`);
}
