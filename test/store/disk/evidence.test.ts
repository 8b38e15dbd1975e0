/** A journal with a hole in its last batch, or cut, or gone: what the rest of the folder proves decides. */
import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import '../../../src/index.js'; // reading safetensors needs the core
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import type { Store } from '../../../src/store/store.js';
import { expectRefusal } from '../../support/refusal.js';
import {
  checkpointOf,
  headerOf,
  noTime,
  nodeEntry,
  recordSession,
  rowOf,
  send,
  sessionEntry,
} from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** A folder in which `work` ends with the batch that is damaged then: its first bytes are zeros. */
async function holed(work: (store: Store) => Promise<void>, after: (store: Store) => Promise<void>) {
  const folder = temporaryFolder();
  const store = await openDiskStore({ folder });
  await store.record({ type: 'node', node: nodeEntry('kept') });
  await recordSession(store, 's');
  const path = join(folder, 'journal');
  const start = readFileSync(path).length;
  await work(store);
  await after(store);
  await store.close();
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0, start, start + 40));
  return { folder, path, start };
}

const nothing = async (): Promise<void> => undefined;
const createOther = (store: Store): Promise<void> =>
  store.record({ type: 'session', session: sessionEntry('Other') });
const openOther = async (store: Store): Promise<void> => {
  await store.session('Other');
};
const registerOther = (store: Store): Promise<void> =>
  store.record({ type: 'node', node: nodeEntry('other') });

describe('openDiskStore, of a folder whose journal has a hole at its end', () => {
  for (const [what, work, after] of [
    ['a session', createOther, nothing],
    ['a session whose folder is empty', createOther, openOther],
    ['a node', registerOther, nothing],
    ['a removal of a node', (store) => store.record({ type: 'node-removed', id: 'kept' }), nothing],
  ] as const satisfies readonly (readonly [
    string,
    (store: Store) => Promise<void>,
    (store: Store) => Promise<void>,
  ])[]) {
    it(`starts and says so, for nothing shows that ${what} was acknowledged`, async () => {
      const { folder, path, start } = await holed(work, after);
      const size = readFileSync(path).length;
      const store = await openDiskStore({ folder });
      expect(store.nodes).deep.equal([nodeEntry('kept')]);
      expect(store.sessions).deep.equal([sessionEntry('s')]);
      expect(store.damages).length(1);
      expect(store.damages[0]!.message)
        .include(`at byte ${start}, has a hole`)
        .include(`(${size - start} bytes)`);
      expect(readFileSync(`${path}-${start}.damaged`)).length(size - start);
      await registerOther(store);
      await store.close();
      const again = await openDiskStore({ folder });
      expect([again.nodes.length, again.damages.length]).deep.equal([2, 0]);
      await again.close();
    });
  }

  for (const [what, work, after, why] of [
    [
      'a checkpoint of it',
      createOther,
      async (store) => (await store.session('Other')).writeCheckpoint(checkpointOf(0)),
      /sessions\/%4fther holds a session/,
    ],
    [
      'an update of it',
      registerOther,
      async (store) => {
        const round = await (await store.session('s')).openRound(headerOf(1, 10), noTime);
        await send(round, 'other', rowOf(10, 1));
      },
      /rounds\/000000001-0001.round holds updates of other/,
    ],
    [
      'an event',
      createOther,
      async (store) => void store.events.append(1, { type: 'session-created', session: 'Other' }),
      /event announces session Other/,
    ],
    [
      'an event of a node',
      registerOther,
      async (store) => void store.events.append(1, { type: 'node-status', node: 'other', status: 'joined' }),
      /event announces node other/,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (store: Store) => Promise<void>,
    (store: Store) => Promise<void>,
    RegExp,
  ])[]) {
    it(`refuses, and changes nothing, where ${what} shows that it was acknowledged`, async () => {
      const { folder, path, start } = await holed(work, after);
      const before = readFileSync(path);
      const names = readdirSync(folder, { recursive: true });
      const { message, details } = await expectRefusal(() => openDiskStore({ folder }), 'CORRUPT_FILE');
      expect(message)
        .match(why)
        .match(/quorate store check/);
      expect(details).deep.include({ file: path, offset: start });
      expect(readFileSync(path).equals(before)).true;
      expect(readdirSync(folder, { recursive: true })).deep.equal(names);
    });
  }

  it('forgives what events and folders of removed ones seem to show', async () => {
    const { folder } = await holed(registerOther, async (store) => {
      store.events.append(1, { type: 'session-created', session: 'Other' });
      store.events.append(1, { type: 'node-status', node: 'other', status: 'joined' });
      store.events.append(1, { type: 'session-removed', session: 'Other' });
      store.events.append(1, { type: 'node-removed', node: 'other' });
    });
    const store = await openDiskStore({ folder });
    expect(store.damages).length(1);
    await store.close();
  });
});

describe('openDiskStore, of a folder without its journal', () => {
  it('refuses where there are sessions or events, and starts where there are none', async () => {
    const folder = temporaryFolder();
    let store = await openDiskStore({ folder });
    await recordSession(store, 's');
    const session = await store.session('s');
    await store.close();
    rmSync(join(folder, 'journal'));
    store = await openDiskStore({ folder });
    await recordSession(store, 's');
    await (await store.session('s')).writeCheckpoint(checkpointOf(0));
    await store.close();
    rmSync(join(folder, 'journal'));
    const refusal = await expectRefusal(() => openDiskStore({ folder }), 'CORRUPT_FILE');
    expect(refusal.message).match(/journal: it is missing, yet .*sessions\/s holds a session/);
    expect(existsSync(join(folder, 'journal'))).false;
    expect(session).not.undefined;

    const other = temporaryFolder();
    store = await openDiskStore({ folder: other });
    store.events.append(1, { type: 'node-status', node: 'a', status: 'joined' });
    await store.close();
    rmSync(join(other, 'journal'));
    await expectRefusal(() => openDiskStore({ folder: other }), 'CORRUPT_FILE');
  });

  it('moves what a cut journal does not know out of the way, and reports it; nothing is removed', async () => {
    const folder = temporaryFolder();
    for (let time = 1; time <= 2; time++) {
      let store = await openDiskStore({ folder });
      await recordSession(store, 'kept');
      const path = join(folder, 'journal');
      const length = readFileSync(path).length;
      await createOther(store);
      await (await store.session('Other')).writeCheckpoint(checkpointOf(time));
      await store.close();
      writeFileSync(path, readFileSync(path).subarray(0, length));
      store = await openDiskStore({ folder });
      expect(store.damages.map(({ session }) => session)).deep.equal(['Other']);
      expect(store.damages[0]!.message).include(`set-aside/%4fther-${time}`);
      expect(readdirSync(join(folder, 'set-aside', `%4fther-${time}`, 'checkpoints'))).length(1);
      expect(readdirSync(join(folder, 'sessions'))).not.include('%4fther');
      await store.close();
    }
  });

  it('sets aside what is there of a session that is made anew', async () => {
    const folder = temporaryFolder();
    const store = await openDiskStore({ folder });
    await (await store.session('s')).writeCheckpoint(checkpointOf(3));
    await store.setAside('s');
    await store.setAside('s');
    expect(await (await store.session('s')).checkpoints()).deep.equal([]);
    expect(readdirSync(join(folder, 'set-aside', 's-1', 'checkpoints'))).length(1);
    expect(store.damages.map(({ session }) => session)).deep.equal(['s']);
    await store.close();
  });
});
