/**
 * Takes the recorded sessions of test/fixtures/rounds.json again: their policies, origins and events stay, and the effects
 * and the last state are what `step` makes of them now.
 *
 *   node dist/test/rounds/renewRecordings.js
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { step } from '../../src/rounds/machine.js';
import type { Recording } from './recording.js';
import { RECORDINGS } from './recording.js';

/** A step a line, so that a change shows which steps it changes. */
function textOf({ name, policy, origin, steps }: Recording): string {
  let state = origin;
  const lines = steps.map(({ event }) => {
    const next = step(policy, state, event);
    state = next.state;
    return `  ${JSON.stringify({ event, effects: next.effects })}`;
  });
  return [
    `{\n "name": ${JSON.stringify(name)},\n "policy": ${JSON.stringify(policy)},`,
    ` "origin": ${JSON.stringify(origin)},\n "steps": [\n${lines.join(',\n')}\n ],`,
    ` "state": ${JSON.stringify(state)}\n}`,
  ].join('\n');
}

const recordings = JSON.parse(readFileSync(RECORDINGS, 'utf8')) as Recording[];
writeFileSync(RECORDINGS, `[${recordings.map(textOf).join(',\n')}]\n`);
