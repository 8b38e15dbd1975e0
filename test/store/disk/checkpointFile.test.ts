import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { expectRefusal } from '../../support/refusal.js';
import { checkpointOf, recordSession } from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** A folder whose newest checkpoint somebody has changed by hand, and named as its bytes say. */
async function changed(from: string, to: string): Promise<string> {
  const folder = temporaryFolder();
  const store = await openDiskStore({ folder });
  await recordSession(store, 's');
  await (await store.session('s')).writeCheckpoint(checkpointOf(0));
  await store.close();
  const checkpoints = join(folder, 'sessions', 's', 'checkpoints');
  const [name] = readdirSync(checkpoints);
  const before = readFileSync(join(checkpoints, name!), 'latin1');
  expect([before.split(from).length, to.length]).deep.equal([2, from.length]);
  const after = Buffer.from(before.replace(from, to), 'latin1');
  rmSync(join(checkpoints, name!));
  const digest = createHash('sha256').update(after).digest('hex');
  writeFileSync(join(checkpoints, `000000000-${digest}.safetensors`), after);
  return folder;
}

describe('a checkpoint that was made by hand', () => {
  for (const [what, from, to] of [
    ['a state that there is not', '\\"phase\\":', '\\"phasf\\":'],
    ['a time that is none', '"createdAtMs":"5000"', '"createdAtMs":"null"'],
    ['a digest that is none', '"modelDigest":"\\"', '"modelDigext":"\\"'],
    ['something else as its optimizer', '\\"momentum\\":', '\\"momentun\\":'],
  ]) {
    it(`is named as corrupt, not read, with ${what}`, async () => {
      const store = await openDiskStore({ folder: await changed(from!, to!) });
      const session = await store.session('s');
      const { message } = await expectRefusal(() => session.readCheckpoint(0), 'CORRUPT_FILE');
      expect(message).contain('__metadata__');
      expect(await session.checkpoints()).deep.equal([]);
      await store.close();
    });
  }

  it('is read if it is valid', async () => {
    const store = await openDiskStore({
      folder: await changed('"createdAtMs":"5000"', '"createdAtMs":"5001"'),
    });
    const session = await store.session('s');
    expect(await session.readCheckpoint(0)).deep.equal({ ...checkpointOf(0), createdAtMs: 5001 });
    await store.close();
  });
});
