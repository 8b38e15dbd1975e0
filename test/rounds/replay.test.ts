/** Recorded sessions (test/fixtures/README.md): a change that makes them end otherwise makes old checkpoints lie. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Policy } from '../../src/rounds/policy.js';
import { step } from '../../src/rounds/machine.js';
import type { Effect, SessionEvent, SessionState } from '../../src/rounds/state.js';

interface Recording {
  readonly name: string;
  readonly policy: Policy;
  readonly origin: SessionState;
  readonly steps: readonly { readonly event: SessionEvent; readonly effects: readonly Effect[] }[];
  readonly state: SessionState;
}

const recordings = JSON.parse(readFileSync('test/fixtures/rounds.json', 'utf8')) as Recording[];

describe('a recorded session', () => {
  for (const { name, policy, origin, steps, state } of recordings) {
    it(`replays to the same state, with the same effects (${name})`, () => {
      expect(steps).length.above(100);
      let replayed = origin;
      steps.forEach(({ event, effects }, i) => {
        const next = step(policy, replayed, event);
        expect(next.effects, `step ${i}, ${event.type}`).deep.equal(effects);
        replayed = next.state;
      });
      expect(replayed).deep.equal(state);
    });
  }
});
