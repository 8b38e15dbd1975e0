import { expect } from 'chai';
import { aggregate, mean, nnm, pipeline } from '../../src/index.js';
import type { Last } from '../support/library.js';
import { agreesWithReference } from '../support/sweep.js';

describe('nnm', () => {
  const before = (f: number) => ['nnm', { f }] as const;
  const followedBy = (last: (f: number) => Last) => ({
    stages: (n: number, f: number) => (n > 2 * f + 2 ? ([before(f), last(f)] as const) : undefined),
    maxRows: 100,
    relative: 5e-6,
  });

  describe('before trimmedMean', () => agreesWithReference(followedBy((f) => ['trimmed-mean', { f }])));
  describe('before median', () => agreesWithReference(followedBy(() => ['median'])));
  describe('before mean', () => agreesWithReference({ ...followedBy(() => ['mean']), robust: false }));
  describe('before multiKrum', () =>
    agreesWithReference({
      ...followedBy((f) => ['multi-krum', { f }]),
      // Mixed rows may coincide but for their rounding, so that ties are broken by chance.
      without: ['small whole numbers, full of ties', 'the same rows twice', 'values of 1e-30', 'denormals'],
    }));

  it('replaces each row by the mean of its n − f nearest', async () => {
    const updates = [0, 1, 2, 9].map((entry) => Float32Array.of(entry));
    const wanted = [1, 1, 1, 4];
    for (let i = 0; i < 4; i++) {
      const weights = updates.map((_, j) => (j === i ? 1 : 0));
      const { value } = await aggregate(updates, pipeline(nnm({ f: 1 }), mean({ weights })));
      expect([...value]).deep.equal([wanted[i]]);
    }
  });
});
