/**
 * How each life of a server shall end: half of them at a step of its own (crashProbe.ts), aimed so that every phase is
 * met at its beginning, in the middle and behind its end; half at any moment, from outside. One seed, one plan.
 */
import { random } from '../support/random.js';

/** Before a step; when it was begun and nothing else has happened; when it is done but not yet announced. */
export type Edge = 'before' | 'during' | 'after';

export interface Death {
  readonly step: string;
  /** Of the steps of this name in this life. */
  readonly nth: number;
  readonly edge: Edge;
}

/** What a server's probe is told. */
export interface Order {
  readonly trace: string;
  /** The first that comes. */
  readonly deaths: readonly Death[];
}

export interface Ending {
  readonly death: Death | null;
  /** From outside, so long after it began; null: not from outside. */
  readonly afterMs: number | null;
}

/** A life ends at the latest when it would commit a second round, so that the lives outnumber the rounds. */
export const secondCommit: Death = { step: 'checkpoint.rename', nth: 2, edge: 'before' };

interface Aim {
  readonly step: string;
  readonly max: number;
  readonly edges: readonly Edge[];
}

const all: readonly Edge[] = ['before', 'during', 'after'];

/** @param nodes that send an update a round */
const aims = (nodes: number): readonly (readonly Aim[])[] => [
  // upload
  [
    { step: 'request', max: nodes, edges: ['before'] },
    { step: 'round.write', max: 2 * nodes, edges: all },
  ],
  // fsync: several updates share one
  [{ step: 'round.datasync', max: 3, edges: [...all, 'during'] }],
  // aggregation: from the durable seal on, in its reading of rows
  [
    { step: 'round.seal', max: 1, edges: all },
    { step: 'row.read', max: nodes, edges: all },
  ],
  // commit
  [
    { step: 'checkpoint.write', max: 3, edges: all },
    { step: 'checkpoint.sync', max: 1, edges: all },
    { step: 'checkpoint.rename', max: 1, edges: all },
    { step: 'checkpoints.sync', max: 1, edges: all },
  ],
  // start-up
  [{ step: 'any', max: 30, edges: ['before', 'after'] }],
];

/** @param maxMs the longest life before it is ended from outside */
export function planEndings(seed: number, lives: number, nodes: number, maxMs: number): Ending[] {
  const { whole, uniform } = random(seed);
  const phases = aims(nodes);
  return Array.from({ length: lives }, (_, life) => {
    if (life % 2 === 1) return { death: null, afterMs: uniform() * maxMs };
    const choices = phases[(life / 2) % phases.length]!;
    const { step, max, edges } = choices[whole(0, choices.length - 1)]!;
    return { death: { step, nth: whole(1, max), edge: edges[whole(0, edges.length - 1)]! }, afterMs: null };
  });
}
