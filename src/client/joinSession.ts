/**
 * A node's part in a session, from its registration to the session's end. Three things go on side by side until then:
 *
 *   heartbeat      so that the server knows that the node is there; it registers again where it is not known any more
 *   feed           keeps the picture of the session up to date (feed.ts, picture.ts)
 *   participation  trains, sends and evaluates as the picture asks for (participation.ts)
 */
import { type Encoding, encodings } from '../core/codec.js';
import { refuseUnknown } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import type { SessionView } from '../protocol/views.js';
import { clientOf, type Registered } from './client.js';
import { createEncoder } from './encoding.js';
import type { OpenSocket } from './eventStream.js';
import { follow } from './feed.js';
import type { Evaluate, NodeEvent, Train } from './node.js';
import { participate } from './participation.js';
import { createRetry, type RetryOptions } from './retry.js';
import { createSessionReplica, type SessionReplica } from './sessionReplica.js';
import { createTransport } from './transport.js';
import { aborted, linkedController, sleep, unlessAborted } from './waiting.js';

export interface JoinOptions {
  /** The server's address: 'http://127.0.0.1:8080'. */
  readonly server: string;
  readonly session: string;
  /** The node's name; the same again is the same node coming back. */
  readonly node: string;
  /** The node's own, from an earlier registration or chosen by itself (256 random bits in base64url); or the admin's. */
  readonly token?: string | null;
  /** Allows a first registration, with `token` or one that is chosen at random; `registered` tells which. */
  readonly enrollmentToken?: string | null;
  readonly train: Train;
  /** Measures each committed model, where it is given. */
  readonly evaluate?: Evaluate;
  /** How updates are sent. Default: f32, exact. */
  readonly encoding?: Encoding;
  /** Ends the node's part; joinSession then rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** Told of all that happens, synchronously. */
  readonly onEvent?: (event: NodeEvent) => void;
  readonly retry?: RetryOptions;
}

/** How it ended. */
export interface Outcome {
  /** Of the session; `excluded`: it goes on without this node. */
  readonly status: 'completed' | 'stopped' | 'failed' | 'excluded';
  readonly reason: string | null;
  /** The last committed round. */
  readonly committed: number;
  /** Rounds that have an update of this node, as far as this call sent them. */
  readonly accepted: number;
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
    throw new QuorateError('BAD_TYPE', 'joinSession: train, and evaluate if it is given, must be functions');
  }
  if (!encodings.includes(encoding)) {
    throw new QuorateError('INVALID_PARAMETER', `joinSession: there is no encoding '${encoding as string}'`, {
      parameter: 'encoding',
      known: encodings,
    });
  }
}

/** joinSession on a host's sockets. */
export async function join(options: JoinOptions, openSocket: OpenSocket): Promise<Outcome> {
  check(options);
  const { session, node, token = null, enrollmentToken = null, onEvent = () => undefined } = options;
  const transport = createTransport(options.server, token ?? enrollmentToken);
  const client = clientOf(transport, openSocket);
  const retry = createRetry(options.retry ?? {}, (error, waitMs) => {
    onEvent({ type: 'retrying', code: error.code, message: error.message, waitMs });
  });
  const encoder = createEncoder(options.encoding ?? 'f32');
  const picture = createSessionReplica(node);
  const { controller, unlink } = linkedController(options.signal ?? new AbortController().signal);
  const { signal } = controller;

  const own = token ?? newToken();
  /** The token is chosen here: a first registration whose answer was lost is repeated as it was. */
  const enroll = (): Promise<Registered> => {
    transport.token = enrollmentToken;
    return client.registerNode({ id: node, sessions: [session], token: own }, signal);
  };
  const comeBack = (): Promise<Registered> =>
    client.registerNode({ id: node, sessions: [session] }, signal).catch((error: unknown) => {
      const isUnknown = error instanceof QuorateError && error.code === 'UNAUTHORIZED';
      if (isUnknown && enrollmentToken !== null) return enroll();
      throw error;
    });

  /** Registers until it is done. From then on the node's own token is used. */
  const register = async (): Promise<number> => {
    const registered = await retry.run(
      () => (transport.token === enrollmentToken && enrollmentToken !== null ? enroll() : comeBack()),
      signal,
    );
    if (registered.token !== null) transport.token = registered.token;
    onEvent({ type: 'registered', node, token: registered.token });
    return registered.node.heartbeatMs;
  };

  const viewOf = (): Promise<SessionView> => retry.run(() => client.session(session, signal, node), signal);
  const look = async (): Promise<SessionView> => {
    for (;;) {
      const asOf = picture.version;
      const view = await viewOf();
      if (picture.see(view, asOf)) return view;
    }
  };

  const keepHeartbeat = async (everyMs: number): Promise<void> => {
    for (let periodMs = everyMs; ;) {
      await sleep(periodMs * BEAT, signal);
      try {
        // A silent connection must not hold up the next heartbeat, nor must a wait that has grown: the server counts.
        const timeoutMs = Math.max(periodMs, MIN_TIMEOUT_MS);
        const beat = () => client.heartbeat(node, signal, timeoutMs);
        periodMs = (await retry.run(beat, signal, periodMs)).heartbeatMs;
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
    await look();
    tasks.push(background(keepHeartbeat(heartbeatMs)));
    const onConnection = (connected: boolean): void =>
      onEvent({ type: connected ? 'connected' : 'disconnected' });
    tasks.push(
      background(follow({ session, picture, transport, openSocket, look, retry, onConnection, signal })),
    );
    const accepted = await unlessAborted(
      participate({
        session,
        node,
        train: options.train,
        evaluate: options.evaluate,
        client,
        picture,
        look,
        register,
        retry,
        encoder,
        onEvent,
        signal,
      }),
      signal,
    );
    return outcomeOf(picture, accepted);
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

/** The part of the period after which a heartbeat is sent, so that it is not late on a busy machine. */
const BEAT = 0.8;
/** For a server that is only busy. */
const MIN_TIMEOUT_MS = 1000;

function outcomeOf({ status, reason, committed, excluded }: SessionReplica, accepted: number): Outcome {
  if (status === 'completed' || status === 'stopped' || status === 'failed') {
    return { status, reason, committed, accepted };
  }
  if (excluded) return { status: 'excluded', reason: 'the session excluded this node', committed, accepted };
  throw new QuorateError('INTERNAL', `a node's part ended while the session is ${status}`);
}

/** A token as a node chooses it for itself: 256 random bits, in base64url. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace('=', '');
}
