/** What a repair of a broken journal keeps, rebuilds and names, and that a crash at any step of it loses nothing. */
import { expect } from 'chai';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import '../../../src/index.js'; // reading safetensors needs the core
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { checkStore } from '../../../src/store/disk/storeCheck.js';
import { planRepair, repairStore } from '../../../src/store/disk/storeRepair.js';
import type { Store } from '../../../src/store/store.js';
import { expectRefusal } from '../../support/refusal.js';
import { checkpointOf, nodeEntry, recordSession, sessionEntry } from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { systemError, watchedFiles } from '../../support/watchedFiles.js';

/** Nodes a, b; sessions s and t, with two checkpoints each. */
async function made(): Promise<string> {
  const folder = temporaryFolder();
  const store = await openDiskStore({ folder });
  for (const id of ['s', 't']) {
    await store.record({ type: 'node', node: nodeEntry(id === 's' ? 'a' : 'b') });
    await recordSession(store, id);
    for (const round of [0, 1]) await (await store.session(id)).writeCheckpoint(checkpointOf(round));
  }
  await store.close();
  return folder;
}

const content = (folder: string): [string, string][] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      return [path, readFileSync(path).toString('base64')];
    });

async function expectSessions(folder: string, expected: readonly string[]): Promise<void> {
  const store: Store = await openDiskStore({ folder });
  expect(store.sessions.map(({ id, status }) => `${id} ${status}`)).deep.equal(expected);
  for (const { id, config, createdAtMs } of store.sessions) {
    expect({ config, createdAtMs }).deep.equal({ config: sessionEntry(id).config, createdAtMs: 1 });
    expect(await (await store.session(id)).readCheckpoint()).deep.equal(checkpointOf(1));
  }
  await store.close();
}

describe('quorate store check and repair', () => {
  it('find nothing to do, and change nothing, where nothing is wrong', async () => {
    const folder = await made();
    const before = content(folder);
    const findings = await checkStore(folder);
    expect(findings.problems).deep.equal([]);
    expect(planRepair(findings).isNeeded).false;
    expect(content(folder)).deep.equal(before);
    expect((await repairStore(folder)).isDone).false;
  });

  it('rebuild sessions from their checkpoints where the journal is missing, paused, and name what is lost', async () => {
    const folder = await made();
    rmSync(join(folder, 'journal'));
    const before = content(folder);
    const findings = await checkStore(folder);
    expect(findings.problems.map(({ isBlocking }) => isBlocking)).deep.equal([true]);
    const plan = planRepair(findings);
    expect(plan.rebuilt).length(2);
    expect(plan.rebuilt[0]).match(/session s, paused, from its checkpoint of round 1/);
    expect(plan.unknown.join()).match(/nodes/);
    expect(content(folder)).deep.equal(before);
    const { isDone, journalBefore } = await repairStore(folder);
    expect([isDone, journalBefore]).deep.equal([true, null]);
    await expectSessions(folder, ['s paused', 't paused']);
    expect((await checkStore(folder)).problems).deep.equal([]);
  });

  it('keep all that can be read of a journal that is damaged inside, before and behind the damage', async () => {
    const folder = await made();
    const path = join(folder, 'journal');
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('"id":"s"')]! ^= 1;
    writeFileSync(path, bytes);
    await expectRefusal(() => openDiskStore({ folder }), 'CORRUPT_FILE');
    const plan = planRepair(await checkStore(folder));
    expect(plan.dropped).length(1);
    expect(plan.dropped[0]).match(/bytes \d+ to \d+ of the journal/);
    expect(plan.rebuilt).length(1);
    const { journalBefore } = await repairStore(folder);
    expect(readFileSync(join(folder, journalBefore!)).equals(bytes)).true;
    const store = await openDiskStore({ folder });
    expect(store.nodes).deep.equal([nodeEntry('a'), nodeEntry('b')]);
    await store.close();
    await expectSessions(folder, ['t created', 's paused']);
  });

  it('are done or not done, wherever a step fails', async () => {
    const whole = await made();
    const path = join(whole, 'journal');
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('"id":"s"')]! ^= 1;
    writeFileSync(path, bytes);
    const changing = ['open', 'write', 'sync', 'rename', 'truncate'];
    for (let step = 1, isDone = false; !isDone; step++) {
      const folder = temporaryFolder();
      cpSync(whole, folder, { recursive: true });
      let calls = 0;
      const files = watchedFiles(({ name }) => {
        if (changing.includes(name) && ++calls >= step) throw systemError('EIO');
      });
      isDone = await repairStore(folder, files).then(
        () => true,
        () => false,
      );
      await repairStore(folder);
      await expectSessions(folder, ['t created', 's paused']);
      rmSync(folder, { recursive: true });
    }
  });

  it('refuse a folder that is open, or holds no store', async () => {
    const folder = await made();
    const store = await openDiskStore({ folder });
    await expectRefusal(() => checkStore(folder), 'STORE_LOCKED');
    await expectRefusal(() => repairStore(folder), 'STORE_LOCKED');
    await store.close();
    await expectRefusal(() => checkStore(temporaryFolder()), 'NOT_FOUND');
  });

  it('name a damaged checkpoint, and a session that can’t be rebuilt, whose folder is kept', async () => {
    const folder = await made();
    rmSync(join(folder, 'journal'));
    const checkpoints = join(folder, 'sessions/s/checkpoints');
    for (const name of readdirSync(checkpoints)) writeFileSync(join(checkpoints, name), 'x');
    const findings = await checkStore(folder);
    expect(findings.problems).length(3);
    const { dropped, rebuilt } = planRepair(findings);
    expect(dropped).length(1);
    expect(dropped[0]).match(/session s: no checkpoint .* set aside, not removed/);
    expect(rebuilt).length(1);
    await repairStore(folder);
    await expectSessions(folder, ['t paused']);
    expect(readdirSync(join(folder, 'set-aside/s-1/checkpoints'))).length(2);
  });
});
