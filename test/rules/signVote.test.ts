import { expect } from 'chai';
import { aggregate, signVote } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('signVote', () => {
  agreesWithReference({ stages: () => [['sign-vote']], relative: 0 });

  it('counts denormals, and zeros of either sign as no vote', async () => {
    const updates = [
      [1e-45, 0, 5],
      [-0, 0, -1e-45],
      [0, -0, 0],
    ].map((row) => Float32Array.from(row));
    expect([...(await aggregate(updates, signVote())).value].map((entry) => entry + 0)).deep.equal([1, 0, 0]);
  });

  it('makes steps of the length asked for', async () => {
    const updates = [
      [3, -2],
      [1, -9],
      [-5, 1],
    ].map((row) => Float32Array.from(row));
    expect([...(await aggregate(updates, signVote({ step: 0.25 }))).value]).deep.equal([0.25, -0.25]);
  });
});
