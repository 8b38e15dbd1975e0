/** Random lives of a session, each of which keeps every promise of rounds. */
import { expect } from 'chai';
import fc from 'fast-check';
import { begin, step } from '../../src/rounds/machine.js';
import type { Effect, SessionEvent, SessionState } from '../../src/rounds/state.js';
import { lived } from './life.js';
import { digest, lives, names, node, policies, value } from './arbitraries.js';
import { frozen } from './playing.js';

const runs = (numRuns: number) => ({ seed: 20_260_101, numRuns });

/** The fewest that the lives below must have had. */
const vitality = {
  'round-committed': 150,
  'round-failed': 150,
  'node-excluded': 3,
  'round-evaluated': 100,
  'some updates': 50,
  'a seal': 30,
  'a commit': 30,
  'write-checkpoint': 200,
  ROUND_CLOSED: 500,
  ROUND_NOT_OPEN: 500,
  NOT_ASKED: 50,
  NODE_EXCLUDED: 3,
  STALE_UPDATE: 20,
  CONFLICTING_UPDATE: 100,
};

describe('step', () => {
  it('keeps every promise, whatever happens in whatever order', () => {
    const met = new Map<string, number>();
    const count = (key: string) => met.set(key, (met.get(key) ?? 0) + 1);
    fc.assert(
      fc.property(policies, lives(120), (policy, commands) => {
        const life = lived(policy, commands);
        for (const effect of life.all) {
          count(
            effect.type === 'announce'
              ? effect.event.type
              : effect.type === 'refuse'
                ? effect.code
                : effect.type,
          );
        }
        for (const found of life.found) count(found);
      }),
      runs(450),
    );
    // The lives are worth looking at.
    for (const [key, least] of Object.entries(vitality)) expect(met.get(key), key).least(least);
  });

  it('lets every session come to its end, once all goes well', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(policies, lives(60), (policy, commands) => {
        const life = lived(policy, commands);
        life.finish();
        ends.add(life.state.status);
      }),
      runs(350),
    );
    expect(ends).include('completed').include('stopped').include('failed');
  });

  it('gives the same states and effects when the log is replayed, through JSON too', () => {
    fc.assert(
      fc.property(policies, lives(80), (policy, commands) => {
        const { origin, log, logged, state } = lived(policy, commands);
        let replayed: SessionState = JSON.parse(JSON.stringify(origin)) as SessionState;
        const effects: Effect[] = [];
        for (const event of JSON.parse(JSON.stringify(log)) as SessionEvent[]) {
          const next = step(policy, replayed, event);
          replayed = JSON.parse(JSON.stringify(next.state)) as SessionState;
          effects.push(...next.effects);
        }
        expect(replayed).deep.equal(state);
        expect(effects).deep.equal(logged);
      }),
      runs(150),
    );
  });

  it('never throws, whatever an event says, and whenever', () => {
    const round = fc.integer({ min: -3, max: 6 });
    const wild = fc.record({
      atMs: fc.integer({ min: -1000, max: 1000 }),
      type: fc.constantFrom<SessionEvent['type'][]>(
        'start',
        'pause',
        'resume',
        'stop',
        'node-present',
        'node-absent',
        'node-removed',
        'update-stored',
        'update-refused',
        'tick',
        'aggregated',
        'committed',
        'aggregation-failed',
        'evaluated',
        'recovered',
      ),
      node: fc.constantFrom(...names, '__proto__', '', '1'),
      round,
      attempt: round,
      code: fc.constant('INTERNAL'),
      message: fc.string(),
      asked: fc.option(fc.uniqueArray(node)),
      sealed: fc.option(fc.uniqueArray(node)),
      metrics: fc.dictionary(fc.constantFrom('loss', 'x'), fc.double()),
      judgments: fc.array(fc.record({ node, used: fc.boolean(), suspicion: fc.option(value) })),
      update: fc.record({ node, digest, numExamples: fc.option(fc.nat()), metrics: fc.constant({}) }),
      updates: fc.array(
        fc.record({
          node,
          digest,
          numExamples: fc.constant(null),
          metrics: fc.constant({}),
          staleness: fc.nat(3),
          responseMs: fc.nat(100),
        }),
      ),
    });
    const events = wild.map(({ attempt, ...event }) => {
      const isStored = event.type === 'update-stored';
      return { ...event, attempt: isStored ? { number: event.round, attempt } : attempt };
    }) as unknown as fc.Arbitrary<SessionEvent>;
    fc.assert(
      fc.property(policies, fc.array(events, { maxLength: 60, size: 'max' }), (policy, events) => {
        let state = begin();
        for (const event of events) {
          const next = frozen(step(policy, state, frozen(event)));
          expect(next.state.committed - state.committed).within(0, 1);
          state = next.state;
          for (const effect of next.effects) {
            if (effect.type === 'wake' && effect.atMs !== null) expect(effect.atMs).above(event.atMs);
          }
        }
      }),
      runs(1000),
    );
  });
});
