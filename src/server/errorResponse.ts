/** Answers whatever was thrown with a problem document. */
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import type { ErrorCode, QuorateError } from '../errors.js';
import { asQuorateError, headersOf, PROBLEM_TYPE, problemOf } from './problem.js';
import { statuses } from './statuses.js';

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
  statuses[code] >= 500 && code !== 'SHUTTING_DOWN' && code !== 'ABORTED';

function refuse(ctx: Context, error: QuorateError, requestId: string): void {
  const problem = problemOf(error, requestId);
  for (const name of ['ETag', 'Cache-Control', 'Content-Disposition', 'Last-Modified']) ctx.remove(name);
  ctx.status = problem.status;
  ctx.body = JSON.stringify(problem);
  ctx.set('Content-Type', PROBLEM_TYPE);
  ctx.set(headersOf(error));
}
