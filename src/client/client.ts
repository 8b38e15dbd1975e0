/** The server's resources, typed: one method an address, each request tried once. */
import { webSha256 } from '../../bindings/webHash.js';
import * as z from 'zod';
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
import { type Answer, createTransport, type Exchange, type Transport } from './transport.js';

export interface ClientOptions {
  /** The server's address: 'http://127.0.0.1:8080'. */
  readonly server: string;
  /** The admin's, or a node's. */
  readonly token?: string | null;
}

export interface Registered {
  readonly node: NodeView;
  /** Only if the server asks for tokens: the one that was sent, or, for a new node, one that is told this once. */
  readonly token: string | null;
}

/** A model as the server keeps it. */
export interface DownloadedModel {
  readonly round: number;
  /** d float32, one tensor after the other; the caller's own. */
  readonly values: Float32Array<ArrayBuffer>;
  /** SHA-256 of the values' bytes, in hex. */
  readonly digest: string;
}

/** An update as it is sent. */
export interface EncodedUpdate {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly numExamples?: number | undefined;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

export interface Page {
  readonly from?: number;
  readonly limit?: number;
}

/** Every method throws QuorateError: the server's, or CONNECTION_FAILED, BAD_RESPONSE, ABORTED. */
export interface Client {
  registerNode(
    node: Partial<NodeRegistration> & Pick<NodeRegistration, 'id'>,
    signal?: AbortSignal,
  ): Promise<Registered>;
  nodes(): Promise<readonly NodeView[]>;
  node(id: string): Promise<NodeView>;
  /** @param timeoutMs for an answer; default: 10 s */
  heartbeat(id: string, signal?: AbortSignal, timeoutMs?: number): Promise<NodeView>;
  deleteNode(id: string): Promise<void>;

  createSession(config: SessionConfigInput): Promise<SessionView>;
  sessions(): Promise<readonly SessionView[]>;
  /** @param node only this one's record among the nodes: of a thousand, each need not read all */
  session(id: string, signal?: AbortSignal, node?: string): Promise<SessionView>;
  start(id: string): Promise<SessionView>;
  pause(id: string): Promise<SessionView>;
  resume(id: string): Promise<SessionView>;
  stop(id: string): Promise<SessionView>;
  deleteSession(id: string): Promise<void>;

  /** The initial model: d float32, or the bytes of a safetensors file. */
  setModel(session: string, model: Float32Array | Uint8Array): Promise<ModelView>;
  /**
   * The newest, or the one after a round that is still kept. @throws QuorateError also BAD_DIGEST, if the bytes are not
   * what the server says they are
   */
  model(session: string, round?: number): Promise<DownloadedModel>;
  /** The newest, unless it is the one that the caller has already. */
  newerModel(session: string, known: DownloadedModel | null, signal?: AbortSignal): Promise<DownloadedModel>;

  rounds(session: string, page?: Page): Promise<readonly RoundSummary[]>;
  round(session: string, number: number): Promise<RoundView>;
  metrics(session: string, page?: Page): Promise<readonly MetricsPoint[]>;
  sendUpdate(
    session: string,
    round: number,
    node: string,
    update: EncodedUpdate,
    signal?: AbortSignal,
  ): Promise<UpdateReceipt>;
  sendEvaluation(
    session: string,
    round: number,
    node: string,
    evaluation: Partial<Evaluation> & Pick<Evaluation, 'metrics'>,
    signal?: AbortSignal,
  ): Promise<void>;

  /**
   * Ends by the signal, with ABORTED, or with its socket, with CONNECTION_FAILED: `since`, the last event that was seen,
   * resumes it without a gap. A reader that falls too far behind has its socket closed, and gets what came until then.
   */
  events(options?: EventsOptions): AsyncIterable<ServerEvent>;

  /** Aggregates on the server, outside of any session. @param rule 'nnm(f=1) > trimmed-mean(f=1)' */
  aggregate(updates: readonly Float32Array[], rule: string): Promise<Float32Array<ArrayBuffer>>;
}

const FLAT = 'application/octet-stream';
const SAFETENSORS = 'application/vnd.safetensors';

export const bytesOf = (values: Float32Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(values.slice().buffer);

/** @throws QuorateError BAD_RESPONSE */
function float32Of({ bytes }: Answer, what: string): Float32Array<ArrayBuffer> {
  if (bytes.length > 0 && bytes.length % 4 === 0) return new Float32Array(bytes.buffer);
  throw new QuorateError('BAD_RESPONSE', `${what}: ${bytes.length} bytes are no float32 numbers`);
}

/** @throws QuorateError BAD_RESPONSE, BAD_DIGEST */
async function modelOf(answer: Answer): Promise<DownloadedModel> {
  const values = float32Of(answer, 'the model');
  const announced = /^"([0-9a-f]{64})"$/.exec(answer.headers.get('etag') ?? '')?.[1];
  const round = Number(answer.headers.get('quorate-round') ?? NaN);
  if (announced === undefined || !Number.isSafeInteger(round)) {
    throw new QuorateError('BAD_RESPONSE', 'the model came without an ETag or Quorate-Round');
  }
  const digest = await sha256Hex(answer.bytes);
  if (digest === announced) return { round, values, digest };
  throw new QuorateError('BAD_DIGEST', `the model's bytes have the digest ${digest}, not ${announced}`, {
    expected: announced,
    got: digest,
  });
}

const registeredSchema = z.looseObject({ node: nodeViewSchema, token: z.string().nullish() });

/** createClient on a host's sockets. @throws QuorateError INVALID_PARAMETER */
export const connect = ({ server, token = null }: ClientOptions, openSocket: OpenSocket): Client =>
  clientOf(createTransport(server, token), openSocket);

export function clientOf(transport: Transport, openSocket: OpenSocket): Client {
  const get = (path: string, signal?: AbortSignal): Exchange => ({
    method: 'GET',
    path,
    ...(signal && { signal }),
  });
  const at = (...segments: (string | number)[]): string =>
    `/v1/${segments.map(encodeURIComponent).join('/')}`;
  const paged = (path: string, { from, limit }: Page = {}): string => {
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
      const what = { method: 'POST', path: at('nodes'), json, ...(signal && { signal }) } as const;
      const { node, token = null } = await transport.json(registeredSchema, what);
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
      const answer = await transport.exchange({
        ...get(at('sessions', session, 'model'), signal),
        headers: { accept: FLAT, ...(known && { 'if-none-match': `"${known.digest}"` }) },
        timeoutMs: MODEL_TIMEOUT_MS,
      });
      if (answer.status !== 304 || !known) return modelOf(answer);
      // The same values may be the model of a later round.
      const round = answer.headers.get('quorate-round');
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
      const answer = await transport.exchange({
        method: 'POST',
        path: `${at('aggregate')}?${query.toString()}`,
        headers: { 'content-type': FLAT, accept: FLAT },
        body,
      });
      return float32Of(answer, 'the aggregate');
    },
  };
}

const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Models may be large, and their size is not known before. */
const MODEL_TIMEOUT_MS = 600_000;

/** JSON that a header may hold. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Lower-case hex. Pages that came neither over TLS nor from this machine have no Web Crypto. */
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
