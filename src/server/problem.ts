/** Errors as problem documents (RFC 9457). */
import { z } from 'zod';
import { type ErrorCode, errorCodes, QuorateError } from '../errors.js';
import { statuses } from './statuses.js';

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
    status: statuses[code],
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
