/** Files and folders of a store are for their user alone, and a folder that others may write to isn't opened. */
import { expect } from 'chai';
import { chmodSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { expectRefusal } from '../../support/refusal.js';
import { checkpointOf, headerOf, noTime, recordSession, rowOf, send } from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the modes of a store’s files', function () {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  it('are 0700 and 0600, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const folder = join(temporaryFolder(), 'deep', 'data');
      const store = await openDiskStore({ folder });
      await recordSession(store, 's');
      const session = await store.session('s');
      await session.writeCheckpoint(checkpointOf(0));
      await send(await session.openRound(headerOf(1, 10), noTime), 'a', rowOf(10, 1));
      await (await store.session('t')).writeCheckpoint(checkpointOf(0));
      store.events.append(1, {});
      await store.setAside('t');
      await store.close();
      expect(modeOf(folder)).equal('700');
      const all = readdirSync(folder, { recursive: true, withFileTypes: true });
      expect(all.length).above(10);
      for (const entry of all) {
        const path = join(entry.parentPath, entry.name);
        expect(modeOf(path), path).equal(entry.isDirectory() ? '700' : '600');
      }
    } finally {
      process.umask(before);
    }
  });

  for (const part of ['.', 'sessions', 'events']) {
    it(`refuses where everyone may write to ${part}, and warns where the group may`, async () => {
      const folder = temporaryFolder();
      await (await openDiskStore({ folder })).close();
      chmodSync(join(folder, part), 0o770);
      const warnings: string[] = [];
      await (await openDiskStore({ folder, onWarning: (message) => warnings.push(message) })).close();
      expect(warnings).length(1);
      expect(warnings[0]).include(join(folder, part)).include('0770');
      chmodSync(join(folder, part), 0o707);
      const { details } = await expectRefusal(() => openDiskStore({ folder }), 'INSECURE_FOLDER');
      expect(details).deep.equal({ folder: join(folder, part), mode: '0707' });
    });
  }

  it('refuses before anything is made', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o777);
    await expectRefusal(() => openDiskStore({ folder }), 'INSECURE_FOLDER');
    expect(existsSync(join(folder, 'lock'))).false;
  });
});
