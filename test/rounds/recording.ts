/** A session as it was recorded: test/fixtures/README.md. */
import type { Policy } from '../../src/rounds/policy.js';
import type { Effect, SessionEvent, SessionState } from '../../src/rounds/state.js';

export const RECORDINGS = 'test/fixtures/rounds.json';

export interface Recording {
  readonly name: string;
  readonly policy: Policy;
  readonly origin: SessionState;
  readonly steps: readonly { readonly event: SessionEvent; readonly effects: readonly Effect[] }[];
  readonly state: SessionState;
}
