/** That the disk store answers after the disk, not before; and what it does when the disk refuses. */
import { expect } from 'chai';
import { cpSync } from 'node:fs';
import { openDiskStore, openDiskStoreOn } from '../../../src/store/disk/diskStore.js';
import type { RoundStore, Store } from '../../../src/store/store.js';
import { expectRefusal } from '../../support/refusal.js';
import {
  bytesOf,
  checkpointOf,
  gather,
  headerOf,
  nodeEntry,
  recordSession,
  noTime,
  rowOf,
  send,
  updateOf,
} from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { type Call, systemError, watchedFiles } from '../../support/watchedFiles.js';

/** A store whose calls go through `before`, which may be replaced. */
async function watched() {
  const folder = temporaryFolder();
  const watch: { before: (call: Call) => void | Promise<void> } = { before: () => undefined };
  const store = await openDiskStoreOn(
    watchedFiles((call) => watch.before(call)),
    { folder },
  );
  await recordSession(store, 's');
  return { store, folder, watch };
}

/** What would be on the disk if the power failed now: the folder as it was when the last fsync began. */
function powerCuts(folder: string): {
  readonly before: (call: Call) => void;
  readonly open: () => Promise<Store>;
} {
  let durable = '';
  return {
    before({ name }) {
      if (name !== 'datasync' && name !== 'sync') return;
      durable = temporaryFolder();
      cpSync(folder, durable, { recursive: true });
    },
    open: () => openDiskStore({ folder: durable }),
  };
}

const recovered = async (store: Store): Promise<RoundStore> =>
  (await (await store.session('s')).recoverRound())!;

/** Something to be waited for. */
function signal() {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => (give = resolve));
  return { given, give };
}

describe('openDiskStore, as far as the disk is concerned', () => {
  let store: Store;
  afterEach(() => store.close());

  it('resolves a commit, a seal and a record after an fsync of all that belongs to it', async () => {
    const opened = await watched();
    ({ store } = opened);
    const cuts = powerCuts(opened.folder);
    opened.watch.before = cuts.before;
    const round = await (await store.session('s')).openRound(headerOf(1, 50_000), noTime);
    for (let i = 0; i < 4; i++) {
      await send(round, `n${i}`, rowOf(50_000, i), i > 0);
      await store.record({ type: 'node', node: nodeEntry(`n${i}`) });
      const after = await cuts.open();
      expect(after.nodes).lengthOf(i + 1);
      const found = await recovered(after);
      expect(found.updates).deep.equal(round.updates);
      expect((await gather(found.read(`n${i}`))).equals(bytesOf(rowOf(50_000, i)))).true;
      await after.close();
    }
    await round.seal(['n1', 'n3']);
    const after = await cuts.open();
    expect((await recovered(after)).sealed).deep.equal(['n1', 'n3']);
    await after.close();
  });

  it('resolves a checkpoint after an fsync of the file, its renaming, and an fsync of the folder', async () => {
    const { watch, ...opened } = await watched();
    ({ store } = opened);
    const session = await store.session('s');
    const calls: string[] = [];
    watch.before = ({ name, path }) => {
      if (['write', 'sync', 'rename'].includes(name))
        calls.push(`${name} ${path.endsWith('.tmp') ? 'file' : 'folder'}`);
    };
    await session.writeCheckpoint(checkpointOf(1));
    expect(calls.filter((call, i) => call !== calls[i - 1])).deep.equal([
      'write file',
      'sync file',
      'rename file',
      'sync folder',
    ]);
  });

  it('lets commits that come together share an fsync', async () => {
    const { watch, ...opened } = await watched();
    ({ store } = opened);
    const round = await (await store.session('s')).openRound(headerOf(1, 100), noTime);
    let syncs = 0;
    watch.before = ({ name }) => {
      if (name === 'datasync') syncs++;
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => send(round, `n${i}`, rowOf(100, i))));
    expect(syncs).within(1, 25);
    expect(round.updates).lengthOf(100);
    syncs = 0;
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => store.record({ type: 'node', node: nodeEntry(`n${i}`) })),
    );
    expect(syncs).within(1, 5);
  });

  for (const [code, expected] of Object.entries({
    ENOSPC: 'STORE_FULL',
    EDQUOT: 'STORE_FULL',
    EFBIG: 'STORE_FULL',
    EIO: 'STORE_FAILED',
  } as const)) {
    for (const failing of ['write', 'datasync']) {
      it(`answers ${expected} to ${code} of ${failing}, loses nothing, and works again`, async () => {
        const { watch, folder, ...opened } = await watched();
        ({ store } = opened);
        const round = await (await store.session('s')).openRound(headerOf(1, 50_000), noTime);
        await send(round, 'kept', rowOf(50_000, 1));
        await store.record({ type: 'node', node: nodeEntry('kept') });

        watch.before = ({ name }) => {
          if (name === failing) throw systemError(code);
        };
        const refusal = await expectRefusal(() => send(round, 'a', rowOf(50_000, 2)), expected);
        expect(refusal.cause).property('code', code);
        await expectRefusal(() => round.seal(['kept']), expected);
        await expectRefusal(() => store.record({ type: 'node', node: nodeEntry('a') }), expected);
        const session = await store.session('s');
        if (failing === 'write')
          await expectRefusal(() => session.writeCheckpoint(checkpointOf(1)), expected);
        expect(await session.checkpoints()).deep.equal([]);
        expect(round.sealed).null;

        watch.before = () => undefined;
        await send(round, 'a', rowOf(50_000, 3));
        await store.record({ type: 'node', node: nodeEntry('b') });
        await round.seal(['a', 'kept']);
        await store.close();
        store = await openDiskStore({ folder });
        const found = await recovered(store);
        expect(found.sealed).deep.equal(['a', 'kept']);
        expect((await gather(found.read('kept'))).equals(bytesOf(rowOf(50_000, 1)))).true;
        expect((await gather(found.read('a'))).equals(bytesOf(rowOf(50_000, 3)))).true;
        expect(store.nodes.map(({ id }) => id)).deep.equal(['kept', 'b']);
        expect(store.damages).deep.equal([]);
      });
    }
  }

  it('does not trust what was written before an fsync that failed', async () => {
    const { watch, ...opened } = await watched();
    ({ store } = opened);
    const round = await (await store.session('s')).openRound(headerOf(1, 100_000), noTime);
    const early = await round.reserve('early');
    await early.write(bytesOf(rowOf(100_000, 1)));
    watch.before = ({ name }) => {
      if (name === 'datasync') throw systemError('EIO');
    };
    await expectRefusal(() => send(round, 'a', rowOf(100_000, 2)), 'STORE_FAILED');
    watch.before = () => undefined;
    await expectRefusal(() => early.commit(updateOf('early', rowOf(100_000, 1))), 'STORE_FAILED');
    await send(round, 'early', rowOf(100_000, 1));
  });

  it('does not find a seal that failed', async () => {
    const { watch, folder, ...opened } = await watched();
    ({ store } = opened);
    const round = await (await store.session('s')).openRound(headerOf(1, 100), noTime);
    await send(round, 'a', rowOf(100, 1));
    watch.before = ({ name }) => {
      if (name === 'datasync') throw systemError('ENOSPC');
    };
    await expectRefusal(() => round.seal(['a']), 'STORE_FULL');
    watch.before = () => undefined;
    await store.close();
    store = await openDiskStore({ folder });
    const found = await recovered(store);
    expect(found.sealed).null;
    await send(found, 'b', rowOf(100, 2));
    expect(store.damages).deep.equal([]);
  });

  it('writes nothing more of an update that is aborted while its sender is kept waiting', async () => {
    const { watch, ...opened } = await watched();
    ({ store } = opened);
    const round = await (await store.session('s')).openRound(headerOf(1, 200_000), noTime);
    const held = signal();
    watch.before = ({ name }) => (name === 'write' ? held.given : undefined);
    const slot = await round.reserve('a');
    const bytes = bytesOf(rowOf(200_000, 1));
    let waiting: Promise<void> | undefined;
    for (let from = 0; !waiting; from += 50_000) {
      waiting = slot.write(bytes.subarray(from, from + 50_000)) as Promise<void> | undefined;
    }
    const refusal = expectRefusal(() => waiting, 'ROUND_CLOSED');
    const aborted = slot.abort();
    held.give();
    await Promise.all([refusal, aborted]);
    await send(round, 'b', rowOf(200_000, 2));
    expect((await gather(round.read('b'))).equals(bytesOf(rowOf(200_000, 2)))).true;
  });

  it('does not trust a seal that was written before an fsync that failed', async () => {
    const { watch, ...opened } = await watched();
    ({ store } = opened);
    const round = await (await store.session('s')).openRound(headerOf(1, 100), noTime);
    await send(round, 'a', rowOf(100, 1));
    const [begun, written] = [signal(), signal()];
    watch.before = async ({ name }) => {
      if (name !== 'datasync') return;
      watch.before = ({ name: next }) => {
        if (next === 'write') written.give();
      };
      begun.give();
      await written.given;
      throw systemError('EIO');
    };
    const failing = expectRefusal(() => send(round, 'b', rowOf(100, 2)), 'STORE_FAILED');
    await begun.given;
    await expectRefusal(() => round.seal(['a']), 'STORE_FAILED');
    await failing;
    expect(round.sealed).null;
    await round.seal(['a']);
  });

  it('records in the file that has the journal’s name, where writing it anew failed halfway', async () => {
    const { watch, folder, ...opened } = await watched();
    ({ store } = opened);
    const capabilities = { notes: 'x'.repeat(20_000) };
    let [renamings, failures] = [0, 0];
    watch.before = ({ name }) => {
      if (name === 'rename') renamings++;
      else if (renamings > 0 && name === 'open' && failures++ < 3) throw systemError('EMFILE');
    };
    for (let i = 0; renamings === 0; i++) {
      await store.record({ type: 'node', node: { ...nodeEntry('a', i), capabilities } });
    }
    expect(failures).equal(1);
    // The folder may not know of the new file yet, so that nothing in it is durable.
    await expectRefusal(() => store.record({ type: 'node', node: nodeEntry('b') }), 'STORE_FAILED');
    await expectRefusal(() => store.record({ type: 'node', node: nodeEntry('b') }), 'STORE_FAILED');
    await store.record({ type: 'node', node: nodeEntry('c') });
    await store.close();
    store = await openDiskStore({ folder });
    expect(store.nodes.map(({ id }) => id)).deep.equal(['a', 'c']);
  });

  for (const at of ['open', 'sync']) {
    it(`opens a round at the next try, where the first failed at ${at}`, async () => {
      const { watch, folder, ...opened } = await watched();
      ({ store } = opened);
      const session = await store.session('s');
      let isRenamed = false;
      watch.before = ({ name, path }) => {
        if (name === at && isRenamed) throw systemError('EIO');
        isRenamed ||= name === 'rename' && path.includes('rounds');
      };
      await expectRefusal(() => session.openRound(headerOf(1, 100), noTime), 'STORE_FAILED');
      watch.before = () => undefined;
      const round = await session.openRound(headerOf(1, 100), noTime);
      await send(round, 'a', rowOf(100, 1));
      await expectRefusal(() => session.openRound(headerOf(1, 100), noTime), 'INTERNAL');
      await store.close();
      store = await openDiskStore({ folder });
      expect((await recovered(store)).updates).deep.equal(round.updates);
    });
  }

  it('lists and reads checkpoints while others are written and old ones removed', async () => {
    const folder = temporaryFolder();
    const before = await openDiskStore({ folder });
    await recordSession(before, 's');
    for (let round = 0; round <= 3; round++) {
      await (await before.session('s')).writeCheckpoint(checkpointOf(round));
    }
    await before.close();

    const [reading, removed] = [signal(), signal()];
    store = await openDiskStoreOn(
      watchedFiles(async ({ name, path }) => {
        if (name !== 'open' || !/checkpoints.00000000[012]-/.test(path)) return;
        reading.give();
        await removed.given;
      }),
      { folder, keepCheckpoints: 2 },
    );
    const session = await store.session('s');
    const listing = session.checkpoints();
    await reading.given;
    const asking = expectRefusal(() => session.readCheckpoint(2), 'UNKNOWN_ROUND');
    for (const round of [4, 5]) await session.writeCheckpoint(checkpointOf(round));
    removed.give();
    expect((await listing).map(({ round }) => round)).deep.equal([0]);
    await asking;
    expect((await session.checkpoints()).map(({ round }) => round)).deep.equal([0, 4, 5]);
  });

  it('does not find an update or a record that failed', async () => {
    const { watch, folder, ...opened } = await watched();
    ({ store } = opened);
    const round = await (await store.session('s')).openRound(headerOf(1, 100), noTime);
    watch.before = ({ name }) => {
      if (name === 'datasync') throw systemError('ENOSPC');
    };
    await expectRefusal(() => send(round, 'a', rowOf(100, 1)), 'STORE_FULL');
    await expectRefusal(() => store.record({ type: 'node', node: nodeEntry('a') }), 'STORE_FULL');
    watch.before = () => undefined;
    await store.close();
    store = await openDiskStore({ folder });
    expect((await recovered(store)).updates).deep.equal([]);
    expect(store.nodes).deep.equal([]);
  });
});
