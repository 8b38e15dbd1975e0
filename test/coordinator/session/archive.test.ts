import { expect } from 'chai';
import { Archive } from '../../../src/coordinator/session/archive.js';
import type { RoundRecord } from '../../../src/coordinator/session/roundRecord.js';
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
