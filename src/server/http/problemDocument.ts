/** Errors as problem documents (RFC 9457), and the HTTP status of each code. */
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import * as z from 'zod';
import { type ErrorCode, errorCodes, QuorateError } from '../../errors.js';

export const PROBLEM_TYPE = 'application/problem+json';

export const problemSchema = z
  .strictObject({
    type: z.string().describe('address of the explanation of the code'),
    title: z.string().describe('what the code means, the same for every occurrence'),
    status: z.int(),
    detail: z.string().describe('what went wrong this time, for people; the wording may change'),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    details: z.record(z.string(), z.json()).describe('the values behind `detail`, for programs'),
    requestId: z.string(),
  })
  .meta({
    id: 'Problem',
    description: 'An error (RFC 9457)',
    examples: [
      {
        type: '/docs/errors#ROUND_CLOSED',
        title: errorCodes.ROUND_CLOSED,
        status: 409,
        detail: 'round 3 is closed',
        code: 'ROUND_CLOSED',
        details: { round: 3 },
        requestId: '389d613b-6028-452b-8a25-b7ee0d6ab428',
      },
    ],
  });

/** A problem document as it is sent. */
export type Problem = z.output<typeof problemSchema>;

/** The error itself if it is a QuorateError, else INTERNAL without any detail: the cause is for the log only. */
export function toQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error;
  return new QuorateError(
    'INTERNAL',
    'an internal error occurred; see the server log for this request id',
    {},
    error,
  );
}

/** The problem document of an error. */
export function problemOf(error: QuorateError, requestId: string): Problem {
  const { code, message, details } = error;
  return {
    type: `/docs/errors#${code}`,
    title: errorCodes[code],
    status: httpStatus[code],
    detail: message,
    code,
    details: details as Problem['details'],
    requestId,
  };
}

/** Headers that a code requires or that tell the client what to do next. They read the details that this layer sets. */
const headers: Readonly<
  Partial<Record<ErrorCode, (details: QuorateError['details']) => Record<string, string>>>
> = {
  UNAUTHORIZED: () => ({ 'WWW-Authenticate': 'Bearer realm="quorate"' }),
  RATE_LIMITED: ({ retryAfterMs }) => ({ 'Retry-After': String(Math.ceil(Number(retryAfterMs) / 1000)) }),
  SHUTTING_DOWN: () => ({ 'Retry-After': '1' }),
  METHOD_NOT_ALLOWED: ({ allowed }) => ({ Allow: (allowed as readonly string[]).join(', ') }),
  RANGE_NOT_SATISFIABLE: ({ sizeBytes }) => ({ 'Content-Range': `bytes */${String(sizeBytes)}` }),
};

/** The response headers of an error. */
export const headersOf = ({ code, details }: QuorateError): Readonly<Record<string, string>> =>
  headers[code]?.(details) ?? {};

/** Answers any error thrown further in with a problem document, and logs it. */
export function errorResponse(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const known = toQuorateError(error);
      const { requestId } = ctx.state as { requestId: string };
      const facts = { requestId, code: known.code };
      if (isFault(known.code)) log.error({ ...facts, err: error }, 'request failed');
      else log.debug({ ...facts, detail: known.message }, 'request refused');
      if (ctx.headerSent) return void ctx.res.destroy(); // part of a response cannot be taken back
      refuse(ctx, known, requestId);
    }
  };
}

/** The error of a server whose port another process has. */
export const portInUse = (host: string, port: number, cause: unknown): QuorateError =>
  new QuorateError(
    'PORT_IN_USE',
    `another process listens on ${host}, port ${port}: end it, or choose another port`,
    { host, port },
    cause,
  );

/** Whether the server is at fault. Shutdown and clients that disconnect are not faults. */
const isFault = (code: ErrorCode): boolean =>
  httpStatus[code] >= 500 && code !== 'SHUTTING_DOWN' && code !== 'ABORTED';

function refuse(ctx: Context, error: QuorateError, requestId: string): void {
  const problem = problemOf(error, requestId);
  for (const name of ['ETag', 'Cache-Control', 'Content-Disposition', 'Last-Modified']) ctx.remove(name);
  ctx.status = problem.status;
  ctx.body = JSON.stringify(problem);
  ctx.set('Content-Type', PROBLEM_TYPE);
  ctx.set(headersOf(error));
}

/** The HTTP status of each code. */
export const httpStatus: Readonly<Record<ErrorCode, number>> = {
  EMPTY_INPUT: 422,
  BAD_TYPE: 422,
  BAD_SHAPE: 422,
  NON_FINITE: 422,
  NON_FINITE_RESULT: 422,
  UNKNOWN_RULE: 400,
  UNKNOWN_PARAMETER: 400,
  INVALID_PARAMETER: 400,
  TOO_FEW_UPDATES: 422,
  ZERO_WEIGHT: 422,
  SEARCH_TOO_LARGE: 422,
  MEMORY_LIMIT: 413,
  ENGINE_DISPOSED: 503,
  FOREIGN_BATCH: 500,
  SOURCE_FAILED: 500,
  ABORTED: 503,
  WORKER_FAILED: 500,
  UNKNOWN_NODE: 404,
  UNKNOWN_SESSION: 404,
  UNKNOWN_ROUND: 404,
  UNKNOWN_UPDATE: 404,
  NODE_EXISTS: 409,
  TOO_MANY_NODES: 507,
  SESSION_EXISTS: 409,
  WRONG_STATE: 409,
  NO_MODEL: 409,
  ROUND_NOT_OPEN: 409,
  ROUND_CLOSED: 409,
  STALE_UPDATE: 409,
  NOT_ASKED: 403,
  NODE_EXCLUDED: 403,
  BUFFER_HAS_UPDATE: 409,
  CONFLICTING_UPDATE: 409,
  NOT_YOUR_NODE: 403,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  BAD_DIGEST: 400,
  MALFORMED: 400,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HOST_REFUSED: 421,
  HEAD_TOO_LARGE: 431,
  PAYLOAD_TOO_LARGE: 413,
  INCOMPLETE_UPLOAD: 400,
  PRECONDITION_FAILED: 412,
  RANGE_NOT_SATISFIABLE: 416,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  RATE_LIMITED: 429,
  SHUTTING_DOWN: 503,
  STORE_LOCKED: 503,
  INSECURE_FOLDER: 500,
  STORE_FULL: 507,
  STORE_FAILED: 500,
  CORRUPT_FILE: 500,
  PORT_IN_USE: 500,
  CONNECTION_FAILED: 502,
  BAD_RESPONSE: 502,
  TRAINING_FAILED: 500,
  INTERNAL: 500,
};
