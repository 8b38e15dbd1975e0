import { expect } from 'chai';
import { unannounced } from '../../../src/coordinator/session/announcements.js';
import type { Announcement } from '../../../src/rounds/state.js';
import { EventRing } from '../../../src/store/eventRing.js';

const announcements: readonly Announcement[] = [
  { type: 'round-committed', round: 2, metrics: {} },
  { type: 'node-excluded', node: 'a', round: 2 },
  { type: 'node-excluded', node: 'b', round: 2 },
  { type: 'session-status', status: 'completed', reason: 'x' },
];

function logOf(bodies: readonly Readonly<Record<string, unknown>>[], keep = 1000): EventRing {
  const log = new EventRing(keep);
  for (const body of bodies) log.append(0, body);
  return log;
}

const others = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: 'node-status', node: `${i}` }));
const own = announcements.map((event) => ({ ...event, session: 's' }));
const earlier = { ...own[0]!, round: 1 };

describe('unannounced', () => {
  for (let made = 0; made <= announcements.length; made++) {
    it(`finds those that a crash prevented, after ${made} of ${announcements.length}`, () => {
      for (const between of [0, 1, 200]) {
        const lines = own.slice(0, made).flatMap((event) => [...others(between), event]);
        const log = logOf([earlier, ...lines, ...others(between)]);
        const missed = unannounced(log, 's', { announcements, eventsBefore: 1 });
        expect(missed).deep.equal(announcements.slice(made));
      }
    });
  }

  it('takes no announcement of another session, round or node for its own', () => {
    const strange = own.map((event) => ({ ...event, session: 't' }));
    const log = logOf([...strange, earlier, own[0]!, { ...own[1]!, node: 'c' }]);
    expect(unannounced(log, 's', { announcements, eventsBefore: 0 })).deep.equal(announcements.slice(1));
  });

  it('looks at none that came before the checkpoint: a session of this name may have been there', () => {
    const log = logOf([...own, ...others(3)]);
    expect(unannounced(log, 's', { announcements, eventsBefore: 4 })).deep.equal(announcements);
    expect(unannounced(log, 's', { announcements, eventsBefore: 7 })).deep.equal(announcements);
  });

  it('makes none again that are long past', () => {
    const log = logOf([...own, ...others(100)], 4);
    expect(log.first).above(5);
    expect(unannounced(log, 's', { announcements, eventsBefore: 0 })).deep.equal([]);
  });

  it('reads no further than to the last of them', () => {
    const log = logOf([...own, ...others(10_000)], 20_000);
    const read: number[] = [];
    const counting = {
      first: log.first,
      since: (number: number, limit: number) => {
        const page = log.since(number, limit);
        read.push(page.length);
        return page;
      },
    };
    expect(unannounced(counting, 's', { announcements, eventsBefore: 0 })).deep.equal([]);
    expect(read.reduce((sum, count) => sum + count, 0)).below(100);
  });
});
