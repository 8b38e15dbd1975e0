import { expect } from 'chai';
import { Archive, History } from '../../../src/coordinator/session/archive.js';
import type { RoundPoint, RoundRecord } from '../../../src/coordinator/session/roundRecord.js';
import type { Checkpoint, SessionStore } from '../../../src/store/store.js';
import { expectRefusal } from '../../support/refusal.js';

const record = (round: number): RoundRecord => ({
  pipeline: 'median',
  updates: [],
  previousModelDigest: 'a',
  aggregateDigest: 'b',
  modelDigest: 'c',
  timesMs: { total: 1 },
  series: [
    {
      round,
      attempt: 1,
      openedAtMs: 1,
      committedAtMs: 2,
      asked: null,
      accepted: 3,
      refused: 0,
      meanSuspicion: null,
      maxSuspicion: null,
      metrics: {},
    },
  ],
});

const { series, ...withoutSeries } = record(1);
const strange = [
  null,
  'a record',
  {},
  withoutSeries,
  { ...record(1), series: [] },
  { ...record(1), series: 'none' },
  { ...record(1), series: [{ ...series[0], metrics: { loss: 'low' } }] },
  { ...record(1), updates: [{ node: 'a' }] },
  { ...record(1), more: 1 },
];

const checkpoint = (round: number, stored: unknown) => ({ round, record: stored }) as unknown as Checkpoint;
const storeOf = (stored: unknown) =>
  ({
    readCheckpoint: (round: number) => Promise.resolve(checkpoint(round, stored)),
  }) as unknown as SessionStore;

describe('Archive', () => {
  it('finds its history in the newest checkpoint, and older records in theirs', async () => {
    const archive = new Archive(storeOf(record(1)), checkpoint(2, record(2)));
    expect(archive.line(2)).deep.equal(record(2).series[0]);
    expect(await archive.record(1)).deep.equal(record(1));
    expect(await archive.record(2)).deep.equal(record(2));
  });

  it('refuses a checkpoint whose record is none of a round, be it the newest or an older one', async () => {
    for (const stored of strange) {
      await expectRefusal(() => new Archive(storeOf(null), checkpoint(2, stored)), 'CORRUPT_FILE');
      const archive = new Archive(storeOf(stored), checkpoint(2, record(2)));
      const error = await expectRefusal(() => archive.record(1), 'CORRUPT_FILE');
      expect(error.details).deep.equal({ round: 1 });
    }
  });

  it('has no record of the initial model', async () => {
    const archive = new Archive(storeOf(null), checkpoint(0, null));
    expect(archive.lines({ from: 0, limit: 10 })).deep.equal([]);
    await expectRefusal(() => archive.record(0), 'UNKNOWN_ROUND');
  });
});

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
