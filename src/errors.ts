/** Every error code with its meaning. docs/errors.md has the causes and remedies. */
export const errorCodes = {
  EMPTY_INPUT: 'There are no updates, or the updates have no entries.',
  BAD_TYPE: 'A value has the wrong type: an integer array instead of float32, for example.',
  BAD_SHAPE: 'Lengths or tensor names differ between updates, or do not match what was announced.',
  NON_FINITE: 'An update contains NaN or an infinity.',
  NON_FINITE_RESULT:
    'The result overflows float32, or the requested 16-bit encoding, so there is no finite value to return.',
  UNKNOWN_RULE: 'No rule, pre-aggregator, optimizer or attack has this name.',
  UNKNOWN_PARAMETER: 'There is no parameter or option of this name.',
  INVALID_PARAMETER: 'A parameter or option is missing, of the wrong type, or out of range.',
  TOO_FEW_UPDATES: 'The rule needs more updates for this f.',
  ZERO_WEIGHT: 'The weights sum to zero, so the mean is undefined.',
  SEARCH_TOO_LARGE: 'The exact search of this rule would take too long for this n and f.',
  MEMORY_LIMIT: 'The work does not fit in memoryLimitBytes, or in the 4 GiB that WebAssembly can address.',
  ENGINE_DISPOSED: 'The engine was disposed, or the batch released.',
  FOREIGN_BATCH: 'The batch belongs to another engine.',
  SOURCE_FAILED: 'A source of rows could not be read.',
  ABORTED: 'The caller canceled the operation through its AbortSignal.',
  WORKER_FAILED: 'A compute thread ended before it finished its work.',
  UNKNOWN_NODE: 'No node of this name is registered, or it does not take part in this session.',
  UNKNOWN_SESSION: 'There is no session of this name.',
  UNKNOWN_ROUND: 'The session has no such round, or no longer keeps it.',
  UNKNOWN_UPDATE: 'The round has no update from this node.',
  NODE_EXISTS: 'Another node has this name.',
  TOO_MANY_NODES: 'As many nodes are registered as the server takes.',
  SESSION_EXISTS: 'A session of this name exists with a different configuration.',
  WRONG_STATE: "The session's current state does not allow this operation.",
  NO_MODEL: 'The session has no model yet.',
  ROUND_NOT_OPEN: 'The round does not accept updates yet.',
  ROUND_CLOSED: 'The round no longer accepts updates.',
  STALE_UPDATE: 'The update was trained on a model older than maxStaleness allows.',
  NOT_ASKED: 'The node was not selected for this round.',
  NODE_EXCLUDED: 'The node is excluded from the session.',
  BUFFER_HAS_UPDATE: 'The buffer has an update of this node already, trained for another round.',
  CONFLICTING_UPDATE: 'The node has already sent a different update for this round.',
  NOT_YOUR_NODE: 'The token belongs to another node.',
  UNAUTHORIZED: 'The request has no token, or an unknown one.',
  FORBIDDEN: 'The token does not allow this operation.',
  BAD_DIGEST: 'The body does not match the announced digest.',
  MALFORMED: 'A body, header, file or message is malformed.',
  UNSUPPORTED_MEDIA_TYPE: 'The body has a media type that is not accepted here.',
  HOST_REFUSED:
    'The request is for a host name, or came through a proxy, that this server does not answer for.',
  HEAD_TOO_LARGE: 'The URL and the headers are longer than the limit.',
  PAYLOAD_TOO_LARGE: 'The body is larger than the limit.',
  INCOMPLETE_UPLOAD: 'The connection closed before the body was complete.',
  PRECONDITION_FAILED: 'If-Match or If-None-Match does not hold, so nothing was changed or sent.',
  RANGE_NOT_SATISFIABLE: 'The requested range lies outside the file.',
  NOT_FOUND: 'There is nothing at this address.',
  METHOD_NOT_ALLOWED: 'The address does not support this method.',
  RATE_LIMITED: 'This address or node has sent too many requests, or too many bytes at once.',
  SHUTTING_DOWN: 'The server is shutting down and accepts no more requests.',
  STORE_LOCKED: 'Another process has this folder open.',
  INSECURE_FOLDER: 'Everyone may write to the data folder.',
  STORE_FULL: 'The disk is full.',
  STORE_FAILED: 'The disk failed to read or write.',
  CORRUPT_FILE: 'A file is damaged or incomplete, and was not used.',
  PORT_IN_USE: 'Another process listens on this port.',
  CONNECTION_FAILED: 'The server could not be reached.',
  BAD_RESPONSE: 'The response violates the protocol.',
  TRAINING_FAILED: "The node's training function failed.",
  INTERNAL: 'An internal error: a bug in Quorate.',
} as const;

/** The code of a `QuorateError`. A code keeps its meaning between releases. */
export type ErrorCode = keyof typeof errorCodes;

/**
 * What a client does when a request fails with a code:
 *
 *   retry    the same request may succeed later, so it is sent again
 *   renew    the content was refused and would be again, so it is dropped and made anew
 *   refresh  the client's copy of the session is out of date, so it is fetched again
 *   next     this round takes nothing more from the node, so it waits for the next one
 *   stop     no request of this kind can succeed, so the client ends with the error
 */
export type Remedy = 'retry' | 'renew' | 'refresh' | 'next' | 'stop';

/** The remedy of each code. */
export const remedies: Readonly<Record<ErrorCode, Remedy>> = {
  EMPTY_INPUT: 'renew',
  BAD_TYPE: 'renew',
  BAD_SHAPE: 'renew',
  NON_FINITE: 'renew',
  NON_FINITE_RESULT: 'renew',
  UNKNOWN_RULE: 'stop',
  UNKNOWN_PARAMETER: 'renew',
  INVALID_PARAMETER: 'renew',
  TOO_FEW_UPDATES: 'stop',
  ZERO_WEIGHT: 'stop',
  SEARCH_TOO_LARGE: 'stop',
  MEMORY_LIMIT: 'stop',
  ENGINE_DISPOSED: 'stop',
  FOREIGN_BATCH: 'stop',
  SOURCE_FAILED: 'stop',
  ABORTED: 'stop',
  WORKER_FAILED: 'stop',
  UNKNOWN_NODE: 'stop',
  UNKNOWN_SESSION: 'stop',
  UNKNOWN_ROUND: 'next',
  UNKNOWN_UPDATE: 'stop',
  NODE_EXISTS: 'stop',
  TOO_MANY_NODES: 'stop',
  SESSION_EXISTS: 'stop',
  WRONG_STATE: 'refresh',
  NO_MODEL: 'stop',
  ROUND_NOT_OPEN: 'refresh',
  ROUND_CLOSED: 'next',
  STALE_UPDATE: 'next',
  NOT_ASKED: 'next',
  NODE_EXCLUDED: 'refresh',
  BUFFER_HAS_UPDATE: 'next',
  CONFLICTING_UPDATE: 'next',
  NOT_YOUR_NODE: 'stop',
  UNAUTHORIZED: 'stop',
  FORBIDDEN: 'stop',
  BAD_DIGEST: 'retry', // damaged on the way
  MALFORMED: 'renew',
  UNSUPPORTED_MEDIA_TYPE: 'renew',
  HOST_REFUSED: 'stop',
  HEAD_TOO_LARGE: 'renew',
  PAYLOAD_TOO_LARGE: 'renew',
  INCOMPLETE_UPLOAD: 'retry',
  PRECONDITION_FAILED: 'stop',
  RANGE_NOT_SATISFIABLE: 'stop',
  NOT_FOUND: 'stop',
  METHOD_NOT_ALLOWED: 'stop',
  RATE_LIMITED: 'retry',
  SHUTTING_DOWN: 'retry',
  STORE_LOCKED: 'stop',
  INSECURE_FOLDER: 'stop',
  STORE_FULL: 'retry',
  STORE_FAILED: 'retry',
  CORRUPT_FILE: 'stop',
  PORT_IN_USE: 'stop',
  CONNECTION_FAILED: 'retry',
  BAD_RESPONSE: 'stop',
  TRAINING_FAILED: 'stop',
  INTERNAL: 'retry',
};

/**
 * The only error that Quorate throws on purpose.
 *
 * @example
 * try {
 *   await aggregate(updates, krum({ f: 2 }));
 * } catch (error) {
 *   if (error instanceof QuorateError && error.code === 'NON_FINITE') exclude(error.details.rows);
 *   else throw error;
 * }
 */
export class QuorateError extends Error {
  /** What went wrong, for programs. Stable. */
  readonly code: ErrorCode;
  /** The values that the message mentions, for programs: rows, a parameter, a limit. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param code what went wrong
   * @param message for people; may change between releases
   * @param details the values that the message mentions
   * @param cause the original error, if there is one
   */
  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'QuorateError';
    this.code = code;
    this.details = details;
  }
}
