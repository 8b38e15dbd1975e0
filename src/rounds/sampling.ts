/**
 * Which nodes a round asks. A sample is the front of a shuffle (Fisher and Yates, as far as it is needed) of the
 * sorted ids, so that (seed, round, attempt) and the nodes that are there decide it, on every engine.
 */
import type { Policy } from './policy.js';
import type { SessionState } from './state.js';

/** Who could be asked now: there, and not excluded. Ids in order. */
export function eligible(state: SessionState): string[] {
  return Object.keys(state.nodes)
    .filter((node) => state.nodes[node]!.present && !state.nodes[node]!.excluded)
    .sort();
}

/** Ids in order; null asks every node that is there, also those that come later. */
export function select(policy: Policy, state: SessionState, round: number, attempt: number): string[] | null {
  const { selection } = policy;
  if (selection.kind === 'all') return null;
  return sample(eligible(state), selection.size, [selection.seed, round, attempt]);
}

/** `size` of the ids, in order; all of them if there are fewer. */
export function sample(ids: readonly string[], size: number, key: readonly number[]): string[] {
  const draw = generator(key);
  const shuffled = [...ids];
  const count = Math.min(size, ids.length);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor((draw() / 2 ** 32) * (ids.length - i));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled.slice(0, count).sort();
}

/** splitmix32: whole numbers, uniform over 0 … 2³² − 1, from a key of whole numbers, each of which matters. */
function generator(key: readonly number[]): () => number {
  let state = key.reduce((hash, part) => mix((hash ^ part) + golden), 0);
  return () => {
    state = (state + golden) | 0;
    return mix(state) >>> 0;
  };
}

const golden = 0x9e3779b9;

function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
