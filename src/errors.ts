/**
 * The one error that Quorate throws. `code` is stable and documented in docs/errors.md; `message` is for
 * people; `details` holds the values that the message speaks of, for programs.
 */

/** Every code, with what it means. docs/errors.md is checked against this table. */
export const errorCodes = {
  EMPTY_INPUT: 'There are no updates, or the updates have no entries.',
  BAD_TYPE: 'A value is of the wrong kind: an integer array where float32 is needed, say.',
  BAD_SHAPE: 'Lengths or tensor names differ between updates, or do not match what was announced.',
  NON_FINITE: 'An update holds NaN or an infinity.',
  NON_FINITE_RESULT:
    'The result overflows float32, or the 16-bit encoding asked for, so there is no finite value to return.',
  UNKNOWN_RULE: 'No rule, pre-aggregator, optimizer or attack has this name.',
  UNKNOWN_PARAMETER: 'A parameter or option that does not exist was given.',
  INVALID_PARAMETER: 'A parameter or option is missing, of the wrong kind, or out of its range.',
  TOO_FEW_UPDATES: 'The rule needs more updates for this f.',
  ZERO_WEIGHT: 'The weights sum to zero, so that a mean does not exist.',
  SEARCH_TOO_LARGE: 'The exact search of this rule would not end in reasonable time for this n and f.',
  MEMORY_LIMIT: 'The work does not fit in memoryLimitBytes, or in the 4 GiB that WebAssembly can address.',
  ENGINE_DISPOSED: 'The engine, or the batch, was disposed of before.',
  FOREIGN_BATCH: 'The batch belongs to another engine.',
  SOURCE_FAILED: 'A source of rows could not be read.',
  ABORTED: 'The caller gave up through its AbortSignal.',
  WORKER_FAILED: 'A compute thread ended without finishing its share.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export class QuorateError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'QuorateError';
    this.code = code;
    this.details = details;
  }
}
