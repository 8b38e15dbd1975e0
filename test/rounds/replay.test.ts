/** Recorded sessions (test/fixtures/README.md): a change that makes them end otherwise makes old checkpoints lie. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { step } from '../../src/rounds/machine.js';
import { type Recording, RECORDINGS } from './recording.js';

const recordings = JSON.parse(readFileSync(RECORDINGS, 'utf8')) as Recording[];

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
