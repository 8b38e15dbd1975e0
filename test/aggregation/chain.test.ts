import { agreesWithReference } from '../support/sweep.js';

describe('pipeline', () => {
  // arc orders rows by norms that differ by 2e-7 where rows nearly coincide: hence the wider tolerances there.
  const ties = ['small whole numbers, full of ties', 'the same rows twice'] as const;

  describe('of clipping, nnm and trimmedMean', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f + 2
          ? [
              ['clipping', { c: 9 }],
              ['nnm', { f }],
              ['trimmed-mean', { f }],
            ]
          : undefined,
      maxRows: 64,
      relative: 5e-6,
      without: ['nearly equal rows'],
    }));

  describe('of arc, nnm and geometricMedian', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f + 2
          ? [
              ['arc', { f }],
              ['nnm', { f }],
              ['geometric-median', { tolerance: 1e-12, maxIterations: 10_000 }],
            ]
          : undefined,
      maxRows: 33,
      relative: 1e-5,
      relativeIfClose: 2e-6,
      without: ties,
    }));

  describe('of nnm, bucketing and centeredClipping', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f
          ? [
              ['nnm', { f }],
              ['bucketing', { s: 2, seed: 9 }],
              ['centered-clipping', { tau: 2, iterations: 4 }],
            ]
          : undefined,
      maxRows: 64,
      relative: 5e-6,
      relativeIfClose: 5e-6,
    }));

  describe('of nnm, nnm and cge', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f
          ? [
              ['nnm', { f }],
              ['nnm', { f }],
              ['cge', { f }],
            ]
          : undefined,
      maxRows: 33,
      relative: 5e-6,
      without: ties,
    }));

  describe('of bucketing, arc and monna', () =>
    agreesWithReference({
      stages: (n, f) =>
        Math.ceil(n / 2) > 2 * f
          ? [
              ['bucketing', { s: 2, seed: 5 }],
              ['arc', { f }],
              ['monna', { f }],
            ]
          : undefined,
      robust: false,
      relative: 5e-6,
      relativeIfClose: 2e-6,
      without: ties,
    }));

  // Mixed rows are few different ones, each several times, so that searches of subsets end in ties: not before these.
  describe('of arc and smea', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f && f <= 2
          ? [
              ['arc', { f }],
              ['smea', { f }],
            ]
          : undefined,
      maxRows: 11,
      rowsOfWide: [7],
      relative: 5e-6,
      relativeIfClose: 2e-6,
      without: ties,
    }));

  describe('of nnm and caf', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f && f <= 2
          ? [
              ['nnm', { f }],
              ['caf', { f }],
            ]
          : undefined,
      maxRows: 17,
      relative: 1e-5,
      without: ties,
    }));

  describe('of arc and bulyan', () =>
    agreesWithReference({
      stages: (n, f) =>
        n >= 4 * f + 3
          ? [
              ['arc', { f }],
              ['bulyan', { f }],
            ]
          : undefined,
      maxRows: 33,
      relative: 5e-6,
      // Krum's scores of rows that arc scaled, all but equal, are equal to within their rounding.
      without: ['nearly equal rows', ...ties],
    }));

  describe('of bucketing and mda', () =>
    agreesWithReference({
      stages: (n, f) =>
        Math.ceil(n / 2) > 2 * f && f <= 2
          ? [
              ['bucketing', { s: 2, seed: 8 }],
              ['mda', { f }],
            ]
          : undefined,
      maxRows: 33,
      relative: 5e-6,
      without: ties,
      robust: false,
    }));
});
