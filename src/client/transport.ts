/**
 * Requests to one server, each sent once, with its token and a timeout. Every failure is a QuorateError. A problem document
 * becomes the error that the server threw, with the response's status and Retry-After in `details.status` and
 * `details.retryAfterMs`.
 */
import * as z from 'zod';
import { type ErrorCode, errorCodes, QuorateError } from '../errors.js';
import { parse } from '../schema.js';
import { aborted, linkedController } from './waiting.js';

/** A request to the server. */
export interface TransportRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Relative to the server's address, with the query: '/v1/status'. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Sent as a JSON body, instead of `body`. */
  readonly json?: unknown;
  readonly signal?: AbortSignal;
  /** Bounds the whole exchange. Default: 30 s, plus 1 s per 50 kB of the body. */
  readonly timeoutMs?: number;
}

/** A successful response. */
export interface TransportResponse {
  /** 2xx or 304. */
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The connection to one server; made by `createTransport`. */
export interface Transport {
  /** Sent with each request; null: none. */
  token: string | null;
  /** Sends a request. @throws QuorateError the server's, or CONNECTION_FAILED, BAD_RESPONSE, ABORTED */
  exchange(request: TransportRequest): Promise<TransportResponse>;
  /** Sends a request, and validates the JSON of the response. @throws QuorateError as `exchange` */
  json<T>(schema: z.ZodType<T>, request: TransportRequest): Promise<T>;
  /** The ws or wss address of a path. */
  socketUrl(path: string): string;
}

const TIMEOUT_MS = 30_000;
const MIN_BYTES_PER_MS = 50;

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
  throw new QuorateError('INVALID_PARAMETER', `server must be an http or https address; got '${server}'`, {
    parameter: 'server',
    value: server,
  });
}

/** Retry-After holds seconds, or a date, which is compared with the response's own: the two clocks may differ. */
function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - sentAtMs(headers);
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function sentAtMs(headers: Headers): number {
  const sentAtMs = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(sentAtMs) ? Date.now() : sentAtMs;
}

/** Undefined if the bytes are not JSON. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** The error of an unsuccessful response. Without a problem document, it may come from a proxy in between. */
function errorOf(request: TransportRequest, { status, headers, bytes }: TransportResponse): QuorateError {
  const retry = retryAfterMs(headers);
  const context = { status, ...(retry !== undefined && { retryAfterMs: retry }) };
  const { data: problem } = problemSchema.safeParse(jsonOf(bytes));
  if (problem) {
    const message = problem.detail ?? problem.title ?? problem.code;
    const { details = {}, requestId } = problem;
    return new QuorateError(problem.code as ErrorCode, message, {
      ...details,
      ...context,
      ...(requestId !== undefined && { requestId }),
    });
  }
  const message = `${request.method} ${request.path}: status ${status} without a problem document`;
  const temporary = status === 408 || status === 429 || status >= 500;
  return new QuorateError(temporary ? 'CONNECTION_FAILED' : 'BAD_RESPONSE', message, context);
}

/**
 * A token as it is read from a variable, a file or an option, where blanks or a line break often follow it: they are
 * dropped. What is left can be sent in a header.
 */
const tokenSchema = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9._~+/=-]{1,256}$/, 'must be 1 to 256 characters: letters, digits, . _ ~ + / = -');

/**
 * A token without the blanks and line breaks around it.
 *
 * @param name of the option, for the message, which doesn't show the token
 * @throws QuorateError INVALID_PARAMETER if it can't be sent
 */
export function tokenOf(name: string, given: string | null): string | null {
  if (given === null) return null;
  const { data, error } = tokenSchema.safeParse(given);
  if (data !== undefined) return data;
  const reason = error.issues[0]!.message;
  throw new QuorateError('INVALID_PARAMETER', `${name}: ${reason}`, { parameter: name });
}

/**
 * @param server the server's http or https address; a path in it is kept
 * @throws QuorateError INVALID_PARAMETER
 */
export function createTransport(server: string, given: string | null): Transport {
  const base = baseOf(server);
  const token = tokenOf('token', given);
  const urlOf = (path: string): URL => new URL(path.replace(/^\//, ''), base);

  const transport: Transport = {
    token,

    async exchange(request) {
      const { method, path, json } = request;
      const body = json === undefined ? request.body : new TextEncoder().encode(JSON.stringify(json));
      const timeoutMs = request.timeoutMs ?? TIMEOUT_MS + (body?.length ?? 0) / MIN_BYTES_PER_MS;
      const { controller, unlink } = linkedController(request.signal ?? new AbortController().signal);
      const timer = setTimeout(() => {
        controller.abort(new Error(`no response within ${Math.round(timeoutMs)} ms`));
      }, timeoutMs);
      try {
        const response = await fetch(urlOf(path), {
          method,
          headers: {
            ...(transport.token !== null && { authorization: `Bearer ${transport.token}` }),
            ...(json !== undefined && { 'content-type': 'application/json' }),
            ...request.headers,
          },
          ...(body && { body }),
          signal: controller.signal,
          cache: 'no-store', // a browser's cache would handle 304 itself
          redirect: 'error', // the token must not reach another server
        });
        const bytes = new Uint8Array(await response.arrayBuffer());
        const result = { status: response.status, headers: response.headers, bytes };
        if (response.ok || response.status === 304) return result;
        throw errorOf(request, result);
      } catch (error) {
        if (error instanceof QuorateError) throw error;
        if (request.signal?.aborted) throw aborted(request.signal);
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

    async json(schema, request) {
      const { bytes, status } = await transport.exchange(request);
      try {
        return parse('the response', schema, jsonOf(bytes));
      } catch (error) {
        if (!(error instanceof QuorateError)) throw error;
        throw new QuorateError(
          'BAD_RESPONSE',
          `${request.method} ${request.path}: the response violates the protocol (${error.message})`,
          { ...error.details, status },
          error,
        );
      }
    },

    socketUrl: (path) => urlOf(path).href.replace(/^http/, 'ws'),
  };
  return transport;
}

/** The message of a network error. Node's fetch throws 'fetch failed' and has the reason in `cause`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
