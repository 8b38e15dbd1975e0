/** What a store in memory does with its buffers; its promises as a store are in store.test.ts. */
import { expect } from 'chai';
import { memoryStore } from '../../../src/store/memory/memoryStore.js';
import { expectRefusal } from '../../support/refusal.js';
import { bytesOf, gather, headerOf, noTime, rowOf, send, state, updateOf } from '../../support/storeData.js';

const d = 100_000;

describe('memoryStore', () => {
  it('fills the buffers of forgotten rounds again, under no reader’s eyes', async () => {
    const session = await memoryStore({ keepRounds: 1 }).session('s');
    const checkpointOf = (round: number) => ({
      round,
      createdAtMs: 0,
      tensors: [{ name: 'model', shape: [d] }],
      model: new Float32Array(d),
      optimizer: null,
      state,
      announcements: [],
      eventsBefore: 0,
      record: null,
    });
    const commit = async (number: number, seed: number) => {
      const round = await session.openRound(headerOf(number, d), noTime);
      await send(round, 'a', rowOf(d, seed));
      await round.seal(['a']);
      await session.writeCheckpoint(checkpointOf(number));
      await round.close();
      return round;
    };
    await session.writeCheckpoint(checkpointOf(0));
    const first = await commit(1, 1);
    const buffer = new Float32Array(d);
    await first.rows(['a']).read(0, 0, buffer);
    const slowly = first.read('a')[Symbol.asyncIterator]();
    const piece = (await slowly.next()).value as Uint8Array;
    const before = Buffer.from(piece);

    await commit(2, 2); // the first is forgotten
    const third = await session.openRound(headerOf(3, d), noTime);
    await send(third, 'a', rowOf(d, 3));
    expect((await gather(third.read('a'))).equals(bytesOf(rowOf(d, 3)))).true;
    expect(before.equals(piece)).true;
    await expectRefusal(() => slowly.next(), 'UNKNOWN_UPDATE');
  });

  it('never takes what a buffer held before for a part of an update', async () => {
    const session = await memoryStore().session('s');
    const round = await session.openRound(headerOf(1, d), noTime);
    const slot = await round.reserve('a');
    await slot.write(bytesOf(rowOf(d, 1)).subarray(0, 4 * d - 4));
    await expectRefusal(() => slot.commit(updateOf('a', rowOf(d, 1))), 'BAD_SHAPE');
    expect(round.updates).deep.equal([]);
  });
});
