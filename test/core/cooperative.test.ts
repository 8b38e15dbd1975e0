import { expect } from 'chai';
import { aggregate, createEngine, smea } from '../../src/index.js';
import { runCooperatively, type Cooperative } from '../../src/core/cooperative.js';
import { unequalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';

describe('inTurns', () => {
  it('returns what the steps come to', async () => {
    function* steps(): Cooperative<number> {
      yield;
      yield;
      return 7;
    }
    expect(await runCooperatively(steps(), undefined)).equal(7);
  });

  it('gives the event loop turns, in which work that never ends can be given up', async () => {
    function* endless(): Cooperative<never> {
      for (;;) yield;
    }
    const giveUp = new AbortController();
    setTimeout(() => giveUp.abort());
    await expectRefusal(() => runCooperatively(endless(), giveUp.signal), 'ABORTED');
  });

  it('throws what a step throws', async () => {
    function* failing(): Cooperative<never> {
      throw new Error('no weights');
    }
    const failure: unknown = await runCooperatively(failing(), undefined).catch((error: unknown) => error);
    expect(failure).instanceOf(Error).property('message', 'no weights');
  });
});

describe('a search for weights', () => {
  it('stops at the signal, also within a tile', async () => {
    const engine = createEngine({ threads: 1 });
    const rows = unequalRows(26, 40, 1);
    const giveUp = new AbortController();
    let reads = 0;
    const source = {
      n: rows.length,
      d: 40,
      read(row: number, column: number, into: Float32Array) {
        into.set(rows[row]!.subarray(column, column + into.length));
        // Measuring what was read takes no turn of the event loop: it comes while the weights are searched.
        if (++reads === rows.length) setTimeout(() => giveUp.abort());
      },
    };
    const rule = smea({ f: 6 });
    await expectRefusal(() => aggregate(source, rule, { engine, signal: giveUp.signal }), 'ABORTED');
    await engine.dispose();
  });
});
