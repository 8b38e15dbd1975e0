/** The implementation of `Client`. */
import * as z from 'zod';
import { webSha256 } from '../../bindings/webHash.js';
import { QuorateError } from '../errors.js';
import { contentDigest } from '../formats/contentDigest.js';
import {
  metricsPointSchema,
  modelViewSchema,
  nodeViewSchema,
  receiptSchema,
  roundSummarySchema,
  roundViewSchema,
  sessionViewSchema,
} from '../protocol/views.js';
import type { Client, ClientOptions, DownloadedModel, PageOptions } from './client.js';
import { type OpenSocket, streamEvents } from './eventStream.js';
import {
  createTransport,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from './transport.js';

const FLAT = 'application/octet-stream';
const SAFETENSORS = 'application/vnd.safetensors';

/** A copy of the values' bytes. */
export const copyOfBytes = (values: Float32Array): Uint8Array<ArrayBuffer> =>
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
      const body = flat ? copyOfBytes(model) : model.slice();
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
      const rows = updates.map(copyOfBytes);
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
