import { expect } from 'chai';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { nodeName, startSystem, type System } from './system.js';

describe('an undisturbed system', () => {
  let system: System;

  beforeEach(async () => {
    system = await startSystem();
  });
  afterEach(() => system.stop());

  it('ends with the model that its updates give in one process', async () => {
    const startedMs = Date.now();
    const nodes = [0, 1, 2];
    await system.startSession({ pipeline: 'median', quorum: 3, rounds: 5 }, 1000);
    const processes = nodes.map((node) => system.startNode(node));
    expect(await system.ended()).equal('completed');
    const outcomes = await Promise.all(processes.map(({ ended }) => ended));
    expect(outcomes.map(({ code }) => code)).deep.equal([0, 0, 0]);
    expect(await expectRecomputed(system.client)).deep.equal(Array(5).fill(nodes.map(nodeName)));
    measured(`5 rounds of 3 node processes in ${Date.now() - startedMs} ms, their start included`);
  });
});
