/** Optional members that the formats declare and nothing writes yet: what is there is preserved. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readRecord, type RoundRecord } from '../../src/coordinator/session/roundRecord.js';
import { openDiskStore } from '../../src/store/disk/diskStore.js';
import { nodeName, scene, sendAll, SESSION } from '../support/coordinator/scene.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { checkpointOf, nodeEntry, recordSession, sessionEntry } from '../support/storeData.js';

describe('the formats of the disk store', () => {
  it('keep a session’s secret, when the journal is read, written anew, and its status changes', async () => {
    const folder = temporaryFolder();
    let store = await openDiskStore({ folder });
    const stage = await scene({ store });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 1 }, 20);
    await stage.coordinator.close();
    store = await openDiskStore({ folder });
    await store.record({ type: 'session', session: { ...store.sessions[0]!, secret: 'c2VjcmV0' } });
    await store.close();

    const again = await scene({ store: await openDiskStore({ folder }) });
    await again.register(2);
    await again.opened(1);
    await sendAll(again, [0, 1], 1, 20);
    await again.committed(1);
    expect(again.coordinator.session(SESSION)).deep.include({ status: 'completed' });
    expect(JSON.stringify(again.coordinator.session(SESSION))).not.contain('c2VjcmV0');
    await again.coordinator.close();

    store = await openDiskStore({ folder });
    expect(store.sessions[0]).deep.include({ status: 'completed', secret: 'c2VjcmV0' });
    const capabilities = { text: 'x'.repeat(10_000) };
    for (let i = 0; i < 60; i++) {
      await store.record({
        type: 'node',
        node: { ...nodeEntry(nodeName(9)), capabilities: { ...capabilities, i } },
      });
    }
    await store.close();
    expect(readFileSync(join(folder, 'journal')).length, 'it was written anew').below(400_000);
    store = await openDiskStore({ folder });
    expect(store.sessions[0]).deep.include({ secret: 'c2VjcmV0' });
    await store.record({ type: 'session', session: sessionEntry('other') });
    await store.close();
    store = await openDiskStore({ folder });
    expect(store.sessions.map((entry) => 'secret' in entry)).deep.equal([true, false]);
    await store.close();
  });

  it('keep a checkpoint’s batch, and have none where none was written', async () => {
    const folder = temporaryFolder();
    let store = await openDiskStore({ folder });
    await recordSession(store, 's');
    let session = await store.session('s');
    await session.writeCheckpoint({ ...checkpointOf(1), batch: 7 });
    await session.writeCheckpoint(checkpointOf(2));
    await store.close();
    store = await openDiskStore({ folder });
    session = await store.session('s');
    expect(await session.readCheckpoint(1)).deep.equal({ ...checkpointOf(1), batch: 7 });
    expect(await session.readCheckpoint(2)).deep.equal(checkpointOf(2));
    await store.close();
    const [name] = readdirSync(join(folder, 'sessions', 's', 'checkpoints'));
    const text = readFileSync(join(folder, 'sessions', 's', 'checkpoints', name!)).toString('latin1');
    expect(text).contain('"format":"quorate-checkpoint"').contain('"version":"2"');
  });

  it('keep a round’s receipt', () => {
    const point = {
      round: 1,
      attempt: 1,
      openedAtMs: 1,
      committedAtMs: 2,
      asked: null,
      accepted: 0,
      refused: 0,
      meanSuspicion: null,
      maxSuspicion: null,
      metrics: {},
    };
    const record: RoundRecord = {
      pipeline: 'median',
      updates: [],
      previousModelDigest: 'a',
      aggregateDigest: 'b',
      modelDigest: 'c',
      timesMs: {},
      series: [point],
      receipt: { any: ['thing', 1, null] },
    };
    expect(readRecord(1, record)).deep.equal(record);
    expect(() => readRecord(1, { ...record, other: 1 })).throw('no record of a round');
  });
});
