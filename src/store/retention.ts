import { refuseUnknown, requireWholeNumber } from '../core/validation.js';

/** How much of the past a store keeps. */
export interface Retention {
  /** Committed rounds whose updates can still be read; default: 2. */
  readonly keepRounds: number;
  /** Checkpoints besides round 0's, which is always kept; default: 3. */
  readonly keepCheckpoints: number;
  /** Events that a reader may still ask for, at least; default: 10,000. */
  readonly keepEvents: number;
}

/** How much of the past a store keeps; what is left out has its default. */
export type RetentionOptions = Partial<Retention>;

const retentionOptions = ['keepRounds', 'keepCheckpoints', 'keepEvents'] as const;

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
export function parseRetention(
  where: string,
  options: RetentionOptions,
  others: readonly string[] = [],
): Retention {
  refuseUnknown(where, options, [...retentionOptions, ...others]);
  const { keepRounds = 2, keepCheckpoints = 3, keepEvents = 10_000 } = options;
  requireWholeNumber('keepRounds', keepRounds, 0, Infinity);
  requireWholeNumber('keepCheckpoints', keepCheckpoints, 1, Infinity);
  requireWholeNumber('keepEvents', keepEvents, 1, Number.MAX_SAFE_INTEGER);
  return { keepRounds, keepCheckpoints, keepEvents };
}

/** Of these rounds with checkpoints, in ascending order, those whose checkpoints are of no more use. */
export function outdatedCheckpoints(rounds: readonly number[], { keepCheckpoints }: Retention): number[] {
  const trained = rounds.filter((round) => round > 0);
  return trained.slice(0, Math.max(0, trained.length - keepCheckpoints));
}

/** Whether the updates of `round` are of no more use once round `committed` is committed. */
export function outdatedRound(round: number, committed: number, { keepRounds }: Retention): boolean {
  return round <= committed - keepRounds;
}
