/** Errors as problem documents (RFC 9457). */
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { z } from 'zod';
import { type ErrorCode, errorCodes, QuorateError } from '../../errors.js';

export const PROBLEM_TYPE = 'application/problem+json';

export const problemSchema = z
  .strictObject({
    type: z.string().describe('where the code is explained'),
    title: z.string().describe('what the code means'),
    status: z.int(),
    detail: z.string().describe('what is wrong, for people'),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    details: z.record(z.string(), z.json()).describe('the values that `detail` speaks of'),
    requestId: z.string(),
  })
  .meta({
    id: 'Problem',
    description: 'What went wrong (RFC 9457).',
    examples: [
      {
        type: '/docs/errors#ROUND_CLOSED',
        title: errorCodes.ROUND_CLOSED,
        status: 409,
        detail: 'Round 3 takes no more updates.',
        code: 'ROUND_CLOSED',
        details: { round: 3 },
        requestId: '389d613b-6028-452b-8a25-b7ee0d6ab428',
      },
    ],
  });

export type Problem = z.output<typeof problemSchema>;

/** What is not a QuorateError is nobody's business but the log's. */
export function asQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error;
  return new QuorateError('INTERNAL', 'something went wrong here; the log says more', {}, error);
}

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

/** Headers that go with a code: what to do next. `details` are those that the code is thrown with in this layer. */
const headers: Readonly<
  Partial<Record<ErrorCode, (details: QuorateError['details']) => Record<string, string>>>
> = {
  UNAUTHORIZED: () => ({ 'WWW-Authenticate': 'Bearer realm="quorate"' }),
  RATE_LIMITED: ({ retryAfterMs }) => ({ 'Retry-After': String(Math.ceil(Number(retryAfterMs) / 1000)) }),
  SHUTTING_DOWN: () => ({ 'Retry-After': '1' }),
  METHOD_NOT_ALLOWED: ({ allowed }) => ({ Allow: (allowed as readonly string[]).join(', ') }),
  RANGE_NOT_SATISFIABLE: ({ sizeBytes }) => ({ 'Content-Range': `bytes */${String(sizeBytes)}` }),
};

export const headersOf = ({ code, details }: QuorateError): Readonly<Record<string, string>> =>
  headers[code]?.(details) ?? {};

/** Answers whatever was thrown with a problem document. */
export function errorResponse(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const known = asQuorateError(error);
      const { requestId } = ctx.state as { requestId: string };
      const facts = { requestId, code: known.code };
      if (isFault(known.code)) log.error({ ...facts, err: error }, 'the request failed');
      else log.debug({ ...facts, detail: known.message }, 'refused');
      if (ctx.headerSent) return void ctx.res.destroy(); // half an answer can't be taken back
      refuse(ctx, known, requestId);
    }
  };
}

/** Worth a line in the log: not that the server ends, nor that a client went away. */
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

/** The HTTP status that each code is answered with. */
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
  SESSION_EXISTS: 409,
  WRONG_STATE: 409,
  NO_MODEL: 409,
  ROUND_NOT_OPEN: 409,
  ROUND_CLOSED: 409,
  STALE_UPDATE: 409,
  NOT_ASKED: 403,
  NODE_EXCLUDED: 403,
  CONFLICTING_UPDATE: 409,
  NOT_YOUR_NODE: 403,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  BAD_DIGEST: 400,
  MALFORMED: 400,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HEAD_TOO_LARGE: 431,
  PAYLOAD_TOO_LARGE: 413,
  INCOMPLETE_UPLOAD: 400,
  RANGE_NOT_SATISFIABLE: 416,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  RATE_LIMITED: 429,
  SHUTTING_DOWN: 503,
  STORE_LOCKED: 503,
  STORE_FULL: 507,
  STORE_FAILED: 500,
  CORRUPT_FILE: 500,
  CONNECTION_FAILED: 502,
  BAD_RESPONSE: 502,
  TRAINING_FAILED: 500,
  INTERNAL: 500,
};
