/** What holds for both stores. */
import { expect } from 'chai';
import { openDiskStore } from '../../src/store/disk/diskStore.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';
import type { RetentionOptions } from '../../src/store/retention.js';
import type { Store } from '../../src/store/store.js';
import { random } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';
import {
  bytesOf,
  checkpointOf,
  gather,
  headerOf,
  noTime,
  rowOf,
  send,
  updateOf,
} from '../support/storeData.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const stores: Record<string, (options?: RetentionOptions) => Promise<Store>> = {
  memoryStore: async (options = {}) => memoryStore(options),
  openDiskStore: (options = {}) => openDiskStore({ folder: temporaryFolder(), ...options }),
};

for (const [name, open] of Object.entries(stores)) {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => (store = await open()));
    afterEach(() => store.close());

    const session = () => store.session('s');
    const round = async (d = 100) => (await session()).openRound(headerOf(1, d), noTime);

    it('refuses options that do not exist or are out of range', async () => {
      await expectRefusal(() => open({ keepRound: 1 } as RetentionOptions), 'UNKNOWN_PARAMETER');
      await expectRefusal(() => open({ keepRounds: -1 }), 'INVALID_PARAMETER');
      await expectRefusal(() => open({ keepCheckpoints: 0 }), 'INVALID_PARAMETER');
      await expectRefusal(() => open({ keepEvents: 1.5 }), 'INVALID_PARAMETER');
    });

    describe('a slot', () => {
      it('takes pieces of any size, and gives the same bytes back, as rows and as a stream', async () => {
        const { whole } = random(7);
        for (const d of [1, 15, 16, 1000, 40_000, 200_001]) {
          const opened = await (await store.session(`d${d}`)).openRound(headerOf(1, d), noTime);
          const rows = [rowOf(d, 1), rowOf(d, 2)];
          for (const [i, row] of rows.entries()) {
            const slot = await opened.reserve(`n${i}`);
            // One buffer for all pieces: it may be reused when write has returned or its promise resolves.
            const piece = new Uint8Array(d * 4);
            for (let from = 0; from < d * 4;) {
              const to = Math.min(d * 4, from + whole(1, i === 0 ? 300_000 : Math.max(5, d / 20)));
              piece.set(bytesOf(row).subarray(from, to));
              await slot.write(piece.subarray(0, to - from));
              piece.fill(0xaa);
              from = to;
            }
            await slot.commit(updateOf(`n${i}`, row));
          }
          const source = opened.rows(['n1', 'n0']);
          expect([source.n, source.d]).deep.equal([2, d]);
          for (const column of [0, Math.floor(d / 3), d - 1]) {
            const into = new Float32Array(Math.min(d - column, 777));
            await source.read(0, column, into);
            expect(into).deep.equal(rows[1]!.subarray(column, column + into.length));
            await source.read(1, column, into);
            expect(into).deep.equal(rows[0]!.subarray(column, column + into.length));
          }
          expect((await gather(opened.read('n0'))).equals(bytesOf(rows[0]!))).true;
          await opened.discard();
        }
      });

      it('takes rows of many senders at once, each into its own place', async () => {
        const d = 70_000;
        const opened = await round(d);
        await Promise.all(
          Array.from({ length: 20 }, async (_, i) => {
            const row = rowOf(d, i);
            const slot = await opened.reserve(`n${i}`);
            for (let from = 0; from < d * 4; from += 9999) {
              await slot.write(bytesOf(row).subarray(from, from + 9999));
            }
            if (i % 3 === 0) await slot.abort();
            else await slot.commit(updateOf(`n${i}`, row));
          }),
        );
        expect(opened.updates).lengthOf(13);
        for (const { node } of opened.updates) {
          const row = rowOf(d, Number(node.slice(1)));
          expect((await gather(opened.read(node))).equals(bytesOf(row)), node).true;
        }
      });

      it('is as if it had never been until it is committed, and after it was aborted', async () => {
        const opened = await round();
        const slot = await opened.reserve('a');
        await slot.write(bytesOf(rowOf(100, 1)));
        expect(opened.updates).deep.equal([]);
        await slot.abort();
        await slot.abort();
        expect(opened.updates).deep.equal([]);
        expect(() => opened.rows(['a']))
          .throw()
          .property('code', 'UNKNOWN_UPDATE');
        await expectRefusal(() => slot.commit(updateOf('a', rowOf(100, 1))), 'ROUND_CLOSED');
        await expectRefusal(() => slot.write(new Uint8Array(4)), 'ROUND_CLOSED');
        const update = await send(opened, 'a', rowOf(100, 2));
        expect(opened.updates).deep.equal([update]);
      });

      it('refuses a row that is too long or too short', async () => {
        const opened = await round();
        const long = await opened.reserve('a');
        await long.write(new Uint8Array(399));
        await expectRefusal(() => long.write(new Uint8Array(2)), 'BAD_SHAPE');
        await long.abort();
        const short = await opened.reserve('a');
        await short.write(new Uint8Array(399));
        await expectRefusal(() => short.commit(updateOf('a', rowOf(100, 1))), 'BAD_SHAPE');
        await expectRefusal(() => short.write(new Uint8Array(1)), 'ROUND_CLOSED');
        expect(opened.updates).deep.equal([]);
        await send(opened, 'a', rowOf(100, 1));
      });

      it('refuses a second update of a node, also while the first is being committed', async () => {
        const opened = await round();
        const [one, two] = [await opened.reserve('a'), await opened.reserve('a')];
        await one.write(bytesOf(rowOf(100, 1)));
        await two.write(bytesOf(rowOf(100, 2)));
        const first = one.commit(updateOf('a', rowOf(100, 1)));
        await expectRefusal(() => two.commit(updateOf('a', rowOf(100, 2))), 'CONFLICTING_UPDATE');
        await first;
        await expectRefusal(() => send(opened, 'a', rowOf(100, 3)), 'CONFLICTING_UPDATE');
        expect((await gather(opened.read('a'))).equals(bytesOf(rowOf(100, 1)))).true;
      });
    });

    describe('a round', () => {
      it('takes nothing once it is sealed, but what was on its way', async () => {
        const opened = await round();
        await send(opened, 'b', rowOf(100, 1));
        await send(opened, 'a', rowOf(100, 2));
        const late = await opened.reserve('c');
        expect(opened.sealed).null;
        await opened.seal(['b', 'a']);
        expect(opened.sealed).deep.equal(['a', 'b']);
        await expectRefusal(() => opened.reserve('d'), 'ROUND_CLOSED');
        await late.write(bytesOf(rowOf(100, 3)));
        await late.commit(updateOf('c', rowOf(100, 3)));
        expect(opened.sealed).deep.equal(['a', 'b']);
        await opened.seal(['a', 'b']);
        await expectRefusal(() => opened.seal(['a', 'b', 'c']), 'INTERNAL');
      });

      it('is not sealed with a node whose update is not here', async () => {
        const opened = await round();
        await send(opened, 'a', rowOf(100, 1));
        await expectRefusal(() => opened.seal(['a', 'b']), 'UNKNOWN_UPDATE');
        expect(opened.sealed).null;
        await send(opened, 'b', rowOf(100, 2));
      });

      it('takes nothing once it is closed', async () => {
        const opened = await round();
        const slot = await opened.reserve('a');
        await slot.write(bytesOf(rowOf(100, 1)));
        await opened.close();
        await opened.close();
        await expectRefusal(() => slot.commit(updateOf('a', rowOf(100, 1))), 'ROUND_CLOSED');
        await expectRefusal(() => opened.reserve('b'), 'ROUND_CLOSED');
        await expectRefusal(() => opened.seal([]), 'ROUND_CLOSED');
      });

      it('is opened once an attempt, unless it was discarded', async () => {
        const opened = await round();
        await expectRefusal(() => round(), 'INTERNAL');
        await (await session()).openRound(headerOf(1, 100, 2), noTime);
        await opened.discard();
        await round();
      });
    });

    describe('a session', () => {
      it('gives back the checkpoints that it was given', async () => {
        const opened = await session();
        await expectRefusal(() => opened.readCheckpoint(), 'UNKNOWN_ROUND');
        const checkpoints = [checkpointOf(0), checkpointOf(1), checkpointOf(2)];
        for (const checkpoint of checkpoints) await opened.writeCheckpoint(checkpoint);
        for (const { round: number } of checkpoints) {
          expect(await opened.readCheckpoint(number)).deep.equal(checkpoints[number]);
        }
        expect(await opened.readCheckpoint()).deep.equal(checkpoints[2]);
        await expectRefusal(() => opened.readCheckpoint(3), 'UNKNOWN_ROUND');
        const summaries = await opened.checkpoints();
        expect(summaries.map(({ round: number }) => number)).deep.equal([0, 1, 2]);
        expect(summaries[1]).include({ createdAtMs: 5001 });
        expect(summaries[1]!.modelDigest).match(/^[0-9a-f]{64}$/);
        expect(summaries[1]!.modelDigest).not.equal(summaries[2]!.modelDigest);
      });

      it('replaces a checkpoint of the same round', async () => {
        const opened = await session();
        await opened.writeCheckpoint(checkpointOf(0));
        await opened.writeCheckpoint(checkpointOf(0, 16, 9));
        expect(await opened.readCheckpoint()).deep.equal(checkpointOf(0, 16, 9));
        expect(await opened.checkpoints()).lengthOf(1);
      });

      it('keeps the configured number of checkpoints, and the initial one', async () => {
        await store.close();
        store = await open({ keepCheckpoints: 2 });
        const opened = await session();
        for (let number = 0; number <= 5; number++) await opened.writeCheckpoint(checkpointOf(number));
        expect((await opened.checkpoints()).map(({ round: number }) => number)).deep.equal([0, 4, 5]);
        await expectRefusal(() => opened.readCheckpoint(3), 'UNKNOWN_ROUND');
        expect((await opened.readCheckpoint(0)).round).equal(0);
      });

      it('reads the updates of the committed rounds that it keeps', async () => {
        const opened = await session();
        for (let number = 1; number <= 3; number++) {
          const one = await opened.openRound(headerOf(number, 100), noTime);
          const update = await send(one, 'a', rowOf(100, number), number !== 2);
          await send(one, 'late', rowOf(100, 99));
          await expectRefusal(() => opened.readUpdate(number, 'a'), 'UNKNOWN_ROUND');
          await one.seal(['a']);
          await opened.writeCheckpoint(checkpointOf(number));
          await one.close();
          const read = await opened.readUpdate(number, 'a');
          expect(read.update).deep.equal(update);
          expect((await gather(read.bytes)).equals(bytesOf(rowOf(100, number)))).true;
        }
        await expectRefusal(() => opened.readUpdate(1, 'a'), 'UNKNOWN_ROUND');
        await expectRefusal(() => opened.readUpdate(4, 'a'), 'UNKNOWN_ROUND');
        await expectRefusal(() => opened.readUpdate(2, 'b'), 'UNKNOWN_UPDATE');
        await expectRefusal(() => opened.readUpdate(2, 'late'), 'UNKNOWN_UPDATE');
        expect((await opened.readUpdate(2, 'a')).update.node).equal('a');
      });

      it('keeps no updates of committed rounds with keepRounds 0', async () => {
        await store.close();
        store = await open({ keepRounds: 0 });
        const opened = await session();
        const one = await opened.openRound(headerOf(1, 100), noTime);
        await send(one, 'a', rowOf(100, 1));
        await one.seal(['a']);
        await opened.writeCheckpoint(checkpointOf(1));
        expect((await gather(one.read('a'))).length).equal(400); // it is still open
        await one.close();
        await expectRefusal(() => opened.readUpdate(1, 'a'), 'UNKNOWN_ROUND');
      });

      it('is apart from others, and gone when it is removed', async () => {
        const [one, other] = [await store.session('one'), await store.session('One')];
        await one.writeCheckpoint(checkpointOf(0));
        await expectRefusal(() => other.readCheckpoint(), 'UNKNOWN_ROUND');
        expect(await store.session('one')).equal(one);
        await store.removeSession('one');
        await store.removeSession('never-made');
        expect(await (await store.session('one')).checkpoints()).deep.equal([]);
      });
    });

    describe('events', () => {
      it('are numbered from 1 and can be asked for from any number on', () => {
        expect([store.events.first, store.events.last]).deep.equal([1, 0]);
        expect(store.events.since(0, 10)).deep.equal([]);
        for (let i = 1; i <= 5; i++) expect(store.events.append(i, { i }).number).equal(i);
        expect([store.events.first, store.events.last]).deep.equal([1, 5]);
        expect(store.events.since(3, 10)).deep.equal([
          { number: 4, atMs: 4, body: { i: 4 } },
          { number: 5, atMs: 5, body: { i: 5 } },
        ]);
        expect(store.events.since(0, 2).map(({ number }) => number)).deep.equal([1, 2]);
        expect(store.events.since(5, 2)).deep.equal([]);
        expect(store.events.since(77, 2)).deep.equal([]);
      });

      it('are kept up to a bound, without gaps', async () => {
        await store.close();
        store = await open({ keepEvents: 10 });
        for (let i = 1; i <= 100; i++) {
          store.events.append(i, {});
          const { first, last } = store.events;
          expect(last).equal(i);
          expect(last - first + 1).within(Math.min(i, 10), 13);
          expect(store.events.since(0, 1000).map(({ number }) => number)).deep.equal(
            Array.from({ length: last - first + 1 }, (_, k) => first + k),
          );
        }
      });
    });
  });
}
