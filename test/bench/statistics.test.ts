import { expect } from 'chai';
import { median, quantile, timing } from '../../bench/statistics.js';

describe('median', () => {
  it('is the value in the middle, by size and not by spelling', () => {
    expect(median([10, 9, 100])).equal(10);
  });

  it('is the mean of the two in the middle of an even number', () => {
    expect(median([4, 1, 3, 2])).equal(2.5);
  });

  it('leaves its input as it was', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).deep.equal([3, 1, 2]);
  });

  it('refuses an empty list', () => {
    expect(() => median([])).throw(RangeError);
  });
});

describe('quantile', () => {
  it('is a value that was there, by nearest rank', () => {
    const values = [50, 15, 40, 20, 35];
    expect([0.05, 0.3, 0.4, 0.5, 1].map((q) => quantile(values, q))).deep.equal([15, 20, 20, 35, 50]);
  });

  it('refuses an empty list, and shares that are none', () => {
    expect(() => quantile([], 0.5)).throw(RangeError);
    for (const q of [0, -1, 1.1, NaN]) expect(() => quantile([1], q)).throw(RangeError);
  });
});

describe('timing', () => {
  it('is not moved by one slow sample', () => {
    expect(timing([2, 1, 500])).deep.equal({ medianMs: 2, minMs: 1, samplesMs: [2, 1, 500] });
  });
});
