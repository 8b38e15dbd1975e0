/** A typed client of the server's HTTP API. */
import * as z from 'zod';
import { webSha256 } from '../../bindings/webHash.js';
import { QuorateError } from '../errors.js';
import { contentDigest } from '../formats/contentDigest.js';
import type { SessionConfigInput } from '../protocol/sessionConfig.js';
import {
  type Evaluation,
  type MetricsPoint,
  metricsPointSchema,
  type ModelView,
  modelViewSchema,
  type NodeRegistration,
  type NodeView,
  nodeViewSchema,
  receiptSchema,
  type RoundSummary,
  roundSummarySchema,
  type RoundView,
  roundViewSchema,
  type SessionView,
  sessionViewSchema,
  type UpdateReceipt,
} from '../protocol/views.js';
import { type EventsOptions, type OpenSocket, type ServerEvent, streamEvents } from './eventStream.js';
import {
  type TransportResponse,
  createTransport,
  type TransportRequest,
  type Transport,
} from './transport.js';

/** The server to talk to. */
export interface ClientOptions {
  /** The server's address, such as 'http://127.0.0.1:8080'. A path in it is kept. */
  readonly server: string;
  /** The admin's token, or a node's. Default: none. */
  readonly token?: string | null;
}

/** The result of a registration. */
export interface Registered {
  /** The node, as registered. */
  readonly node: NodeView;
  /**
   * The token of a new node: the one that was sent with the registration, or a generated one, which is never sent again.
   * Null if the node had one already or the server requires none.
   */
  readonly token: string | null;
}

/** A downloaded model, verified against its digest. */
export interface DownloadedModel {
  /** The round that produced the model; 0 for the initial one. */
  readonly round: number;
  /** d float32 values, the tensors one after the other. Belongs to the caller. */
  readonly values: Float32Array<ArrayBuffer>;
  /** SHA-256 of the values' bytes, in hex. */
  readonly digest: string;
}

/** An update in the form in which it is sent. */
export interface EncodedUpdate {
  /** The encoding: 'application/octet-stream' for d float32 values, or another media type of docs/protocol.md. */
  readonly contentType: string;
  /** Not modified; must not change until the call settles. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Number of examples that the update was trained on. */
  readonly numExamples?: number | undefined;
  /** Metrics measured in training, at most 32. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/** A page of rounds. */
export interface PageOptions {
  /** The first round. Default: 0. */
  readonly from?: number;
  /** The maximum number of rounds, at most 1000. Default: 100. */
  readonly limit?: number;
}

/**
 * A typed client of the server's HTTP API. Every method throws QuorateError: the server's own, with its code and details;
 * CONNECTION_FAILED if the server cannot be reached; BAD_RESPONSE if the response violates the protocol; ABORTED by the
 * signal, where one can be passed.
 */
export interface Client {
  /**
   * Registers a node, or re-registers it when it comes back. May be repeated with the same `token`.
   *
   * @throws QuorateError NODE_EXISTS
   */
  registerNode(
    node: Partial<NodeRegistration> & Pick<NodeRegistration, 'id'>,
    signal?: AbortSignal,
  ): Promise<Registered>;
  /** All nodes, by ascending id. */
  nodes(): Promise<readonly NodeView[]>;
  /** @throws QuorateError UNKNOWN_NODE */
  node(id: string): Promise<NodeView>;
  /**
   * Reports that a node is alive. Requires the node's own token.
   *
   * @param timeoutMs bounds the wait for the response; default: 10,000
   * @returns the node; its `heartbeatMs` is the interval to keep
   * @throws QuorateError UNKNOWN_NODE, NOT_YOUR_NODE
   */
  heartbeat(id: string, signal?: AbortSignal, timeoutMs?: number): Promise<NodeView>;
  /** Removes a node and revokes its token. @throws QuorateError UNKNOWN_NODE, NOT_YOUR_NODE */
  deleteNode(id: string): Promise<void>;

  /**
   * Creates a session; with the same configuration, returns the existing one. Requires the admin's token.
   *
   * @throws QuorateError SESSION_EXISTS, INVALID_PARAMETER, UNKNOWN_PARAMETER, UNKNOWN_RULE, TOO_FEW_UPDATES
   * @example
   * await client.createSession({ id: 'digits', pipeline: 'trimmed-mean(f=1)', quorum: 3 });
   */
  createSession(config: SessionConfigInput): Promise<SessionView>;
  /** All sessions, by ascending id. */
  sessions(): Promise<readonly SessionView[]>;
  /**
   * @param node limits `nodes` to the record of this one, which saves bytes in large sessions
   * @throws QuorateError UNKNOWN_SESSION
   */
  session(id: string, signal?: AbortSignal, node?: string): Promise<SessionView>;
  /** Starts a session that has a model. @throws QuorateError UNKNOWN_SESSION, NO_MODEL, WRONG_STATE */
  start(id: string): Promise<SessionView>;
  /** Opens no further rounds; the current one may still be committed. @throws QuorateError UNKNOWN_SESSION, WRONG_STATE */
  pause(id: string): Promise<SessionView>;
  /** @throws QuorateError UNKNOWN_SESSION, WRONG_STATE */
  resume(id: string): Promise<SessionView>;
  /** Ends a session for good and discards the current round. @throws QuorateError UNKNOWN_SESSION, WRONG_STATE */
  stop(id: string): Promise<SessionView>;
  /** Deletes a session and everything stored for it. @throws QuorateError UNKNOWN_SESSION */
  deleteSession(id: string): Promise<void>;

  /**
   * Uploads the initial model. Requires the admin's token.
   *
   * @param model d float32 values, or the bytes of a safetensors file; copied
   * @throws QuorateError UNKNOWN_SESSION, WRONG_STATE after the start, BAD_SHAPE, BAD_TYPE, EMPTY_INPUT, NON_FINITE
   */
  setModel(session: string, model: Float32Array | Uint8Array): Promise<ModelView>;
  /**
   * Downloads a model and verifies its digest.
   *
   * @param round the round that produced it, 0 for the initial one; default: the newest model
   * @throws QuorateError UNKNOWN_SESSION, NO_MODEL, UNKNOWN_ROUND if it is not kept; BAD_DIGEST if the bytes are damaged
   */
  model(session: string, round?: number): Promise<DownloadedModel>;
  /**
   * Downloads the newest model, unless the caller has it.
   *
   * @param known the model that the caller has
   * @returns the newest model; `known`'s own values if they are unchanged
   * @throws QuorateError as `model`
   */
  newerModel(session: string, known: DownloadedModel | null, signal?: AbortSignal): Promise<DownloadedModel>;

  /** A page of the rounds, ascending. @throws QuorateError UNKNOWN_SESSION */
  rounds(session: string, page?: PageOptions): Promise<readonly RoundSummary[]>;
  /** @throws QuorateError UNKNOWN_SESSION, UNKNOWN_ROUND */
  round(session: string, number: number): Promise<RoundView>;
  /** A page of the committed rounds' metrics, ascending. @throws QuorateError UNKNOWN_SESSION */
  metrics(session: string, page?: PageOptions): Promise<readonly MetricsPoint[]>;
  /**
   * Sends a node's update for a round. Once the receipt arrives, the update is durable; sending it again is safe.
   *
   * @param round the round that it was trained for: that of the model, plus 1
   * @throws QuorateError ROUND_CLOSED, ROUND_NOT_OPEN, CONFLICTING_UPDATE, NOT_ASKED, NODE_EXCLUDED, STALE_UPDATE,
   *   NON_FINITE, BAD_SHAPE, UNKNOWN_NODE, NOT_YOUR_NODE
   */
  sendUpdate(
    session: string,
    round: number,
    node: string,
    update: EncodedUpdate,
    signal?: AbortSignal,
  ): Promise<UpdateReceipt>;
  /**
   * Sends a node's evaluation of a committed model. Sending it again is safe.
   *
   * @param round the round that produced the model
   * @throws QuorateError ROUND_CLOSED, ROUND_NOT_OPEN, CONFLICTING_UPDATE, UNKNOWN_NODE, NOT_YOUR_NODE
   */
  sendEvaluation(
    session: string,
    round: number,
    node: string,
    evaluation: Partial<Evaluation> & Pick<Evaluation, 'metrics'>,
    signal?: AbortSignal,
  ): Promise<void>;

  /**
   * The server's events, over one WebSocket. The iteration never ends normally: it throws ABORTED by the signal, or
   * CONNECTION_FAILED when the socket closes. To resume without a gap, pass the last event's number as `since`. A reader
   * that falls too far behind still receives what has arrived, then CONNECTION_FAILED.
   *
   * @example
   * for await (const event of client.events({ session: 'digits' })) console.log(event.type);
   */
  events(options?: EventsOptions): AsyncIterable<ServerEvent>;

  /**
   * Aggregates on the server, without a session.
   *
   * @param updates n vectors of d float32 values; copied
   * @param rule a pipeline, such as 'nnm(f=1) > trimmed-mean(f=1)'
   * @returns d float32 values
   * @throws QuorateError as `aggregate` of the library
   */
  aggregate(updates: readonly Float32Array[], rule: string): Promise<Float32Array<ArrayBuffer>>;
}

const FLAT = 'application/octet-stream';
const SAFETENSORS = 'application/vnd.safetensors';

/** A copy of the values' bytes. */
export const bytesOf = (values: Float32Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(values.slice().buffer);

/** @throws QuorateError BAD_RESPONSE */
function float32Of({ bytes }: TransportResponse, name: string): Float32Array<ArrayBuffer> {
  if (bytes.length > 0 && bytes.length % 4 === 0) return new Float32Array(bytes.buffer);
  throw new QuorateError('BAD_RESPONSE', `${name} has ${bytes.length} bytes, which are not float32 values`);
}

/** @throws QuorateError BAD_RESPONSE, BAD_DIGEST */
async function modelOf(response: TransportResponse): Promise<DownloadedModel> {
  const values = float32Of(response, 'the model');
  const announced = /^"([0-9a-f]{64})"$/.exec(response.headers.get('etag') ?? '')?.[1];
  const round = Number(response.headers.get('quorate-round') ?? NaN);
  if (announced === undefined || !Number.isSafeInteger(round)) {
    throw new QuorateError('BAD_RESPONSE', 'the response has no valid ETag or Quorate-Round');
  }
  const digest = await sha256Hex(response.bytes);
  if (digest === announced) return { round, values, digest };
  throw new QuorateError('BAD_DIGEST', `the model's digest is ${digest}, not ${announced} as announced`, {
    expected: announced,
    got: digest,
  });
}

const registeredSchema = z.looseObject({ node: nodeViewSchema, token: z.string().nullish() });

/** `createClient`, with the host's WebSockets. @throws QuorateError INVALID_PARAMETER */
export const connect = ({ server, token = null }: ClientOptions, openSocket: OpenSocket): Client =>
  clientOf(createTransport(server, token), openSocket);

/** A client on an existing transport. */
export function clientOf(transport: Transport, openSocket: OpenSocket): Client {
  const get = (path: string, signal?: AbortSignal): TransportRequest => ({
    method: 'GET',
    path,
    ...(signal && { signal }),
  });
  const at = (...segments: (string | number)[]): string =>
    `/v1/${segments.map(encodeURIComponent).join('/')}`;
  const paged = (path: string, { from, limit }: PageOptions = {}): string => {
    const query = new URLSearchParams();
    if (from !== undefined) query.set('from', String(from));
    if (limit !== undefined) query.set('limit', String(limit));
    return query.size === 0 ? path : `${path}?${query.toString()}`;
  };
  const list = async <T>(name: string, item: z.ZodType<T>, path: string): Promise<readonly T[]> => {
    const schema = z.looseObject({ [name]: z.array(item) });
    return (await transport.json(schema, get(path)))[name]!;
  };
  const remove = async (path: string): Promise<void> => {
    await transport.exchange({ method: 'DELETE', path });
  };
  const change = (verb: string) => (id: string) =>
    transport.json(sessionViewSchema, { method: 'POST', path: at('sessions', id, verb) });

  return {
    async registerNode(json, signal) {
      const request = { method: 'POST', path: at('nodes'), json, ...(signal && { signal }) } as const;
      const { node, token = null } = await transport.json(registeredSchema, request);
      return { node, token };
    },
    nodes: () => list('nodes', nodeViewSchema, at('nodes')),
    node: (id) => transport.json(nodeViewSchema, get(at('nodes', id))),
    heartbeat: (id, signal, timeoutMs = HEARTBEAT_TIMEOUT_MS) =>
      transport.json(nodeViewSchema, {
        ...get(at('nodes', id, 'heartbeat'), signal),
        method: 'POST',
        timeoutMs,
      }),
    deleteNode: (id) => remove(at('nodes', id)),

    createSession: (json) =>
      transport.json(sessionViewSchema, { method: 'POST', path: at('sessions'), json }),
    sessions: () => list('sessions', sessionViewSchema, at('sessions')),
    session: (id, signal, node) => {
      const query = node === undefined ? '' : `?node=${encodeURIComponent(node)}`;
      return transport.json(sessionViewSchema, get(at('sessions', id) + query, signal));
    },
    start: change('start'),
    pause: change('pause'),
    resume: change('resume'),
    stop: change('stop'),
    deleteSession: (id) => remove(at('sessions', id)),

    async setModel(session, model) {
      const flat = model instanceof Float32Array;
      const body = flat ? bytesOf(model) : model.slice();
      return transport.json(modelViewSchema, {
        method: 'PUT',
        path: at('sessions', session, 'model'),
        headers: {
          'content-type': flat ? FLAT : SAFETENSORS,
          'content-digest': contentDigest(await sha256Hex(body)),
        },
        body,
      });
    },
    async model(session, round) {
      const path =
        round === undefined
          ? at('sessions', session, 'model')
          : at('sessions', session, 'checkpoints', round);
      return modelOf(await transport.exchange({ ...get(path), headers: { accept: FLAT } }));
    },
    async newerModel(session, known, signal) {
      const response = await transport.exchange({
        ...get(at('sessions', session, 'model'), signal),
        headers: { accept: FLAT, ...(known && { 'if-none-match': `"${known.digest}"` }) },
        timeoutMs: MODEL_TIMEOUT_MS,
      });
      if (response.status !== 304 || !known) return modelOf(response);
      // A later round may have produced the same values.
      const round = response.headers.get('quorate-round');
      return round === null ? known : { ...known, round: Number(round) };
    },

    rounds: (session, page) =>
      list('rounds', roundSummarySchema, paged(at('sessions', session, 'rounds'), page)),
    round: (session, number) =>
      transport.json(roundViewSchema, get(at('sessions', session, 'rounds', number))),
    metrics: (session, page) =>
      list('metrics', metricsPointSchema, paged(at('sessions', session, 'metrics'), page)),

    async sendUpdate(session, round, node, { contentType, body, numExamples, metrics = {} }, signal) {
      return transport.json(receiptSchema, {
        ...get(at('sessions', session, 'rounds', round, 'updates', node), signal),
        method: 'PUT',
        headers: {
          'content-type': contentType,
          'content-digest': contentDigest(await sha256Hex(body)),
          ...(numExamples !== undefined && { 'quorate-num-examples': String(numExamples) }),
          ...(Object.keys(metrics).length > 0 && { 'quorate-metrics': asciiJson(metrics) }),
        },
        body,
      });
    },
    async sendEvaluation(session, round, node, json, signal) {
      const path = at('sessions', session, 'rounds', round, 'evaluations', node);
      await transport.exchange({ ...get(path, signal), method: 'PUT', json });
    },

    events: (options = {}) => streamEvents(transport, openSocket, options),

    async aggregate(updates, rule) {
      const rows = updates.map(bytesOf);
      const body = new Uint8Array(rows.reduce((sum, { length }) => sum + length, 0));
      rows.reduce((offset, row) => (body.set(row, offset), offset + row.length), 0);
      const query = new URLSearchParams({ rule, n: String(updates.length) });
      const response = await transport.exchange({
        method: 'POST',
        path: `${at('aggregate')}?${query.toString()}`,
        headers: { 'content-type': FLAT, accept: FLAT },
        body,
      });
      return float32Of(response, 'the aggregate');
    },
  };
}

const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Long, because models may be large and their size is not known in advance. */
const MODEL_TIMEOUT_MS = 600_000;

/** JSON in ASCII, as headers require. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** In lower-case hex. Web Crypto is missing on pages that were loaded neither over TLS nor from localhost. */
async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
  if (!subtle) {
    const hash = webSha256();
    hash.update(bytes);
    return hash.hex();
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
