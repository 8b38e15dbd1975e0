/** What the test of attackers and their process both know. */
import { updateOf } from './trainer.js';

export interface AttackOptions {
  readonly server: string;
  readonly enrollmentToken: string;
  /** Of the nodes below, by name. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Whom they try to speak for. */
  readonly victim: string;
  readonly d: number;
  readonly sybils: number;
}

/** How often what was tried was answered with what: 'equivocates: 409 CONFLICTING_UPDATE' → 8. */
export type AttackReport = Readonly<Record<string, number>>;

/** The three that take part, and one that only floods. */
export const attackers = ['x-equivocates', 'x-lies', 'x-replays'] as const;
export const FLOODER = 'x-floods';

/** What each may have in a round. */
export function attacksOf(node: string, round: number, d: number): Float32Array[] {
  if (node === 'x-replays') return [updateOf(1000, round, d), updateOf(1000, round - 1, d)];
  if (node === 'x-lies') return [new Float32Array(d).fill(3e38)];
  return [new Float32Array(d).fill(1e38), new Float32Array(d).fill(-1e38)];
}
