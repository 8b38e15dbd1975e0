/**
 * Requests to one server, each tried once: the token, a time limit, and every failure a QuorateError. A problem
 * document becomes the error that the server threw; `details.status` and `details.retryAfterMs` say how it came.
 */
import * as z from 'zod';
import { type ErrorCode, errorCodes, QuorateError } from '../errors.js';
import { aborted, linkedController } from './waiting.js';

export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the server's address, with a query if there is one: '/v1/status'. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Sent as JSON instead of a body. */
  readonly json?: unknown;
  readonly signal?: AbortSignal;
  /** For the whole exchange; default: 30 s, and a second more for every 50 kB of the body. */
  readonly timeoutMs?: number;
}

export interface Answer {
  /** 2xx or 304. */
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Transport {
  /** Sent with each request; null: none. */
  token: string | null;
  /** @throws QuorateError the server's, or CONNECTION_FAILED, BAD_RESPONSE, ABORTED */
  exchange(what: Exchange): Promise<Answer>;
  /** The answer's JSON, checked. @throws QuorateError as exchange does */
  json<T>(schema: z.ZodType<T>, what: Exchange): Promise<T>;
  /** The address of a WebSocket. */
  socketUrl(path: string): string;
}

const TIMEOUT_MS = 30_000;
const SLOWEST_BYTES_PER_MS = 50;

const problemSchema = z.looseObject({
  code: z.string().refine((code) => Object.hasOwn(errorCodes, code)),
  title: z.string().optional(),
  detail: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  requestId: z.string().optional(),
});

/** @throws QuorateError INVALID_PARAMETER */
function baseOf(server: string): URL {
  const url = URL.parse ? URL.parse(server) : URL.canParse(server) ? new URL(server) : null;
  if (url && /^https?:$/.test(url.protocol)) {
    return new URL(`${url.origin}${url.pathname.replace(/\/+$/, '')}/`);
  }
  throw new QuorateError('INVALID_PARAMETER', `server must be an http(s) address; got '${server}'`, {
    parameter: 'server',
    value: server,
  });
}

/** Retry-After is in seconds, or a date. */
function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** What an answer that is no success says. Something between us and the server may say it in its own words. */
function refusalOf(what: Exchange, { status, headers, bytes }: Answer): QuorateError {
  const retry = retryAfterMs(headers);
  const circumstances = { status, ...(retry !== undefined && { retryAfterMs: retry }) };
  const { data: problem } = problemSchema.safeParse(parsed(bytes));
  if (problem) {
    const message = problem.detail ?? problem.title ?? problem.code;
    const { details = {}, requestId } = problem;
    return new QuorateError(problem.code as ErrorCode, message, {
      ...details,
      ...circumstances,
      ...(requestId !== undefined && { requestId }),
    });
  }
  const said = `${what.method} ${what.path}: the answer was ${status}, and no problem document`;
  const temporary = status === 408 || status === 429 || status >= 500;
  return new QuorateError(temporary ? 'CONNECTION_FAILED' : 'BAD_RESPONSE', said, circumstances);
}

/** @throws QuorateError INVALID_PARAMETER */
export function createTransport(server: string, token: string | null): Transport {
  const base = baseOf(server);
  const urlOf = (path: string): URL => new URL(path.replace(/^\//, ''), base);

  const transport: Transport = {
    token,

    async exchange(what) {
      const { method, path, json } = what;
      const body = json === undefined ? what.body : new TextEncoder().encode(JSON.stringify(json));
      const timeoutMs = what.timeoutMs ?? TIMEOUT_MS + (body?.length ?? 0) / SLOWEST_BYTES_PER_MS;
      const { controller, unlink } = linkedController(what.signal ?? new AbortController().signal);
      const timer = setTimeout(() => {
        controller.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`));
      }, timeoutMs);
      try {
        const response = await fetch(urlOf(path), {
          method,
          headers: {
            ...(transport.token !== null && { authorization: `Bearer ${transport.token}` }),
            ...(json !== undefined && { 'content-type': 'application/json' }),
            ...what.headers,
          },
          ...(body && { body }),
          signal: controller.signal,
          cache: 'no-store', // a browser's cache would answer 304 by itself
          redirect: 'error', // a token is for this server alone
        });
        const bytes = new Uint8Array(await response.arrayBuffer());
        const answer = { status: response.status, headers: response.headers, bytes };
        if (response.ok || response.status === 304) return answer;
        throw refusalOf(what, answer);
      } catch (error) {
        if (error instanceof QuorateError) throw error;
        if (what.signal?.aborted) throw aborted(what.signal);
        throw new QuorateError(
          'CONNECTION_FAILED',
          `${method} ${urlOf(path).href}: ${reasonOf(controller.signal.aborted ? controller.signal.reason : error)}`,
          {},
          error,
        );
      } finally {
        clearTimeout(timer);
        unlink();
      }
    },

    async json(schema, what) {
      const { bytes, status } = await transport.exchange(what);
      const { data, error } = schema.safeParse(parsed(bytes));
      if (!error) return data;
      throw new QuorateError(
        'BAD_RESPONSE',
        `${what.method} ${what.path}: the answer is not what the protocol says: ${z.prettifyError(error)}`,
        { status },
      );
    },

    socketUrl: (path) => urlOf(path).href.replace(/^http/, 'ws'),
  };
  return transport;
}

/** Node's fetch says 'fetch failed', and why in its cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
