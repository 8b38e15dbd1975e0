/** waiting → collecting. */
import { collectMs } from './deadline.js';
import type { Policy } from './policy.js';
import type { Collecting } from './quorum.js';
import { select } from './sampling.js';
import { announce, type RoundState, type SessionState, type Step } from './state.js';

export function open(
  policy: Policy,
  state: SessionState,
  { number, attempt }: Extract<RoundState, { phase: 'waiting' }>,
  atMs: number,
): Step {
  const asked = select(policy, state, number, attempt);
  const collecting = collect(policy, state, { number, attempt, asked, awaited: [], accepted: {} }, atMs);
  const opened = { round: number, attempt, asked, deadlineAtMs: collecting.round.deadlineAtMs };
  return {
    state: collecting,
    effects: [{ type: 'open-round', ...opened }, announce({ type: 'round-opened', ...opened })],
  };
}

type Opened = Pick<Collecting, 'number' | 'attempt' | 'asked' | 'awaited' | 'accepted'>;

/** The state with this round open from now on until its deadline. */
export function collect(
  policy: Policy,
  state: SessionState,
  round: Opened,
  atMs: number,
): SessionState & { readonly round: Collecting } {
  return {
    ...state,
    round: {
      phase: 'collecting',
      ...round,
      openedAtMs: atMs,
      deadlineAtMs: atMs + collectMs(policy, state.responseTimesMs, round.attempt),
    },
    openings: newest({ ...state.openings, [round.number]: atMs }, policy),
  };
}

/** As many as the oldest update that is taken needs. */
function newest(openings: SessionState['openings'], { mode }: Policy): SessionState['openings'] {
  const count = mode.kind === 'buffered' ? mode.maxStaleness + 1 : 1;
  const numbers = Object.keys(openings)
    .map(Number)
    .sort((a, b) => a - b);
  return Object.fromEntries(numbers.slice(-count).map((number) => [number, openings[number]!]));
}
