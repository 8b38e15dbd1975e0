/**
 * Every committed round once more, in this process: from the nodes that its record names, whose updates follow from
 * trainer.ts, by the very step of a round. Nothing but whole, acknowledged updates can have led to the same hashes.
 */
import { expect } from 'chai';
import type { Client } from '../../src/client/index.js';
import { nextModel } from '../../src/coordinator/session/nextModel.js';
import { planSession } from '../../src/coordinator/session/sessionPlan.js';
import { arraySource } from '../../src/core/source.js';
import { createEngine, type OptimizerState } from '../../src/index.js';
import { bytesOf, sha256 } from '../support/storeData.js';
import { SESSION } from './system.js';
import { updateOf } from './trainer.js';

/** Checks each round's digests. @returns the nodes in each round's result, the first round's first */
export async function expectRecomputed(client: Client): Promise<string[][]> {
  const { config, committed, model: newest } = await client.session(SESSION);
  const { recipe } = planSession(config);
  const d = newest!.d;
  const engine = createEngine({ threads: 1 });
  const nodes: string[][] = [];
  let model = new Float32Array(d);
  let optimizer: OptimizerState | null = null;
  try {
    for (let round = 1; round <= committed; round++) {
      const record = await client.round(SESSION, round);
      const rows = record.updates.map(({ node, staleness, digest }) => {
        const update = updateOf(Number(node.replace('node-', '')), round - staleness, d);
        expect(digest, `${node}'s update in round ${round}`).equal(sha256(bytesOf(update)));
        return update;
      });
      const next = await nextModel(
        recipe,
        { round, model, optimizer, rows: arraySource(rows), facts: record.updates },
        { engine },
      );
      expect(record.modelDigest, `the model of round ${round}`).equal(sha256(bytesOf(next.model)));
      model = next.model as Float32Array<ArrayBuffer>;
      optimizer = next.optimizer;
      nodes.push(record.updates.map(({ node }) => node));
    }
  } finally {
    await engine.dispose();
  }
  expect((await client.model(SESSION)).digest, 'the final model').equal(sha256(bytesOf(model)));
  return nodes;
}
