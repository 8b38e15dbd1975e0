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
  UNKNOWN_NODE: 'No node of this name is registered, or it does not take part in this session.',
  UNKNOWN_SESSION: 'There is no session of this name.',
  UNKNOWN_ROUND: 'The session has no such round, or no longer keeps it.',
  UNKNOWN_UPDATE: 'The round has no update of this node.',
  NODE_EXISTS: 'Another node has this name.',
  SESSION_EXISTS: 'There is a session of this name already, with another configuration.',
  WRONG_STATE: 'The session is not in a state in which this can be done.',
  NO_MODEL: 'The session has no model yet.',
  ROUND_NOT_OPEN: 'The round does not take updates yet.',
  ROUND_CLOSED: 'The round takes no more updates.',
  STALE_UPDATE: 'The update was trained from a model older than maxStaleness allows.',
  NOT_ASKED: 'The round asked other nodes.',
  NODE_EXCLUDED: 'The node is excluded from the session.',
  CONFLICTING_UPDATE: 'The node has sent another update for this round already.',
  NOT_YOUR_NODE: 'The token belongs to another node.',
  UNAUTHORIZED: 'A token is needed, and none, or an unknown one, was given.',
  FORBIDDEN: 'The token does not allow this.',
  BAD_DIGEST: 'The body does not have the digest that was announced.',
  MALFORMED: 'A body, header, file or message cannot be read as what it should be.',
  UNSUPPORTED_MEDIA_TYPE: 'The body is of a type that is not taken here.',
  HEAD_TOO_LARGE: 'The address and the headers are longer than what is taken here.',
  PAYLOAD_TOO_LARGE: 'The body is larger than what is taken here.',
  INCOMPLETE_UPLOAD: 'The sender went away before the body was complete.',
  RANGE_NOT_SATISFIABLE: 'The range that was asked for lies outside of the file.',
  NOT_FOUND: 'There is nothing at this address.',
  METHOD_NOT_ALLOWED: 'The address does not take this method.',
  RATE_LIMITED: 'Too many requests came from this address or node, or too much is being sent at once.',
  SHUTTING_DOWN: 'The server is ending and takes nothing more.',
  STORE_LOCKED: 'Another process has opened this folder.',
  STORE_FULL: 'The disk is full.',
  STORE_FAILED: 'The disk refused to read or write.',
  CORRUPT_FILE: 'A file is damaged or incomplete, and was not used.',
  CONNECTION_FAILED: 'The server could not be reached.',
  BAD_RESPONSE: 'The server answered with something else than the protocol says.',
  TRAINING_FAILED: 'The node’s own training function failed.',
  INTERNAL: 'Something happened that should not have been possible.',
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
