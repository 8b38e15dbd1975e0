import { expect } from 'chai';
import { History } from '../../../src/coordinator/session/archive.js';
import type { RoundPoint } from '../../../src/coordinator/session/roundRecord.js';

const point = (round: number): RoundPoint => ({
  round,
  attempt: 1,
  openedAtMs: round,
  committedAtMs: round + 1,
  asked: null,
  accepted: 3,
  refused: 0,
  meanSuspicion: null,
  maxSuspicion: null,
  metrics: { loss: 1 / round },
});

const rounds = (points: readonly RoundPoint[]) => points.map(({ round }) => round);

describe('History', () => {
  it('is read by pages', () => {
    const history = new History([1, 2, 3, 4, 5].map(point));
    expect(rounds(history.page({ from: 2, limit: 3 }))).deep.equal([2, 3, 4]);
    expect(rounds(history.page({ from: 0, limit: 100 }))).deep.equal([1, 2, 3, 4, 5]);
    expect(rounds(history.page({ from: 6, limit: 3 }))).deep.equal([]);
  });

  it('adds what was measured later, and keeps what was measured first', () => {
    const history = new History([1, 2].map(point));
    history.measured(2, { accuracy: 0.9, loss: 100 });
    expect(history.of(2)?.metrics).deep.equal({ accuracy: 0.9, loss: 0.5 });
    expect(history.of(1)?.metrics).deep.equal({ loss: 1 });
  });

  it('puts its newest 1000 lines into a checkpoint, the new one the last', () => {
    const history = new History();
    for (let round = 1; round <= 1500; round++) history.add(point(round));
    const stored = rounds(history.storedWith(point(1501)));
    expect([stored.length, stored[0], stored.at(-1)]).deep.equal([1000, 502, 1501]);
  });

  it('puts in fewer lines where they are long, and at least the new one', () => {
    const asked = Array.from({ length: 10_000 }, (_, i) => `node-${String(i).padStart(5, '0')}`);
    const sampled = (round: number): RoundPoint => ({ ...point(round), asked });
    const history = new History();
    for (let round = 1; round <= 100; round++) history.add(sampled(round));
    const stored = rounds(history.storedWith(sampled(101)));
    expect([stored.length, stored[0], stored.at(-1)]).deep.equal([8, 94, 101]);
    const all = { ...point(102), asked: Array.from({ length: 9 }, () => asked).flat() };
    expect(rounds(history.storedWith(all))).deep.equal([102]);
  });

  it('forgets the oldest beyond 10,000', () => {
    const history = new History();
    for (let round = 1; round <= 10_001; round++) history.add(point(round));
    expect(history.page({ from: 0, limit: 1 })[0]!.round).equal(2);
  });
});
