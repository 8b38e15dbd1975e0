/** What may happen to a session, at random: any policy, any order of events. */
import fc from 'fast-check';
import type { Policy } from '../../src/rounds/policy.js';
import { frozen, policyWith } from './playing.js';

export const names = ['a', 'b', 'c', 'd', 'constructor'];

export const policies: fc.Arbitrary<Policy> = fc
  .record({
    rounds: fc.integer({ min: 1, max: 9 }),
    quorum: fc.integer({ min: 1, max: 3 }),
    targetUpdates: fc.option(fc.integer({ min: 1, max: 4 })),
    deadlineMs: fc.integer({ min: 1, max: 500 }),
    adaptiveDeadline: fc.option(fc.constant({ quantile: 0.9, slack: 1.5, minMs: 5, window: 4 })),
    selection: fc.oneof(
      fc.constant({ kind: 'all' as const }),
      fc.record({
        kind: fc.constant('sample' as const),
        size: fc.integer({ min: 3, max: 4 }),
        seed: fc.nat(1000),
      }),
    ),
    mode: fc.oneof(
      fc.constant({ kind: 'sync' as const }),
      fc.record({
        kind: fc.constant('buffered' as const),
        bufferSize: fc.integer({ min: 1, max: 4 }),
        maxStaleness: fc.integer({ min: 0, max: 2 }),
      }),
    ),
    retry: fc.record({
      firstMs: fc.integer({ min: 1, max: 20 }),
      maxMs: fc.constant(50),
      attempts: fc.option(fc.integer({ min: 1, max: 5 })),
    }),
    stopWhen: fc.option(fc.constant({ metric: 'loss', goal: 'min' as const, reaches: 0.05, patience: 3 })),
    exclude: fc.option(fc.record({ rounds: fc.integer({ min: 1, max: 2 }), suspicion: fc.constant(0.5) })),
  })
  .map((policy) => frozen(policyWith(policy)));

/** What is to happen; rounds are told from the one that is open, so that most events mean something. */
export type Command =
  | { readonly do: 'start' | 'pause' | 'resume' | 'stop' | 'tick' | 'timer' | 'restart' | 'write' }
  | { readonly do: 'come' | 'go' | 'remove' | 'reject'; readonly node: string }
  | { readonly do: 'update'; readonly node: string; readonly behind: number; readonly digest: string }
  | {
      readonly do: 'aggregate' | 'commit' | 'interrupt' | 'fail' | 'evaluate';
      readonly behind: number;
      readonly value: number;
    }
  | { readonly do: 'recover'; readonly behind: number; readonly attempt: number };

export const node = fc.constantFrom(...names);
const behind = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -1, max: 3 }) },
);
export const value = fc.integer({ min: 0, max: 16 }).map((sixteenths) => sixteenths / 16);
export const digest = fc.constantFrom('x', 'x', 'x', 'y');
const commands: fc.Arbitrary<readonly [waitMs: number, command: Command]> = fc.tuple(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 }) },
  ),
  fc.oneof(
    { weight: 50, arbitrary: fc.record({ do: fc.constant('update'), node, behind, digest }) },
    { weight: 20, arbitrary: fc.record({ do: fc.constant('come'), node }) },
    { weight: 20, arbitrary: fc.record({ do: fc.constant('commit'), behind, value }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('aggregate', 'interrupt'), behind, value }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('write') }) },
    { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('start', 'resume', 'timer') }) },
    { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('pause', 'tick', 'restart', 'restart') }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('go', 'reject'), node }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('fail', 'evaluate'), behind, value }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), node }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('recover'), behind, attempt: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stop') }) },
  ),
);
const opening: readonly (readonly [number, Command])[] = [
  ...['a', 'b', 'c'].map((node) => [0, { do: 'come', node }] as const),
  [0, { do: 'start' }],
];
/** Most of them begin with a session that runs. */
export const lives = (maxLength: number) =>
  fc
    .tuple(fc.constantFrom(true, true, true, false), fc.array(commands, { maxLength, size: 'max' }))
    .map(([isBegun, commands]) => (isBegun ? [...opening, ...commands] : commands));
