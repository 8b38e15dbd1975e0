import { expect } from 'chai';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import type { Store } from '../../../src/store/store.js';
import { newFolder, removeFolders } from '../../support/coordinator/folders.js';
import { deaf, partly } from '../../support/coordinator/interruptedStore.js';
import { nodeName, scene, type Scene, sendAll, SESSION, updateOf } from '../../support/coordinator/scene.js';

const d = 20;
const kinds = ['round-committed', 'node-excluded', 'session-status'];
const told = (stage: Scene) =>
  stage.told(...kinds).map(({ type, round, node, status }) => [type, round ?? node ?? status]);
const whole = [
  ['session-status', 'running'],
  ['round-committed', 1],
  ['node-excluded', 1],
  ['session-status', 'completed'],
];

/** One round of five nodes, the last of which is excluded by it; of its end the disk hears nothing of these types. */
async function interrupted(folder: string, unheard: readonly string[]): Promise<void> {
  const store = await openDiskStore({ folder });
  const silent: string[] = [];
  const record: Store['record'] = async (entry) => {
    const isEnd = entry.type === 'session' && entry.session.status === 'completed';
    if (!isEnd) await store.record(entry); // the journal goes on as if nothing had happened
  };
  const stage = await scene({ store: partly(store, { record, events: deaf(store.events, silent) }) });
  await stage.register(5);
  const exclude = { rounds: 1, suspicion: 0.9 };
  await stage.begin({ quorum: 5, rounds: 1, pipeline: 'median', exclude }, d);
  silent.push(...unheard);
  const { last } = stage.coordinator.events; // a session of this name may have been here before
  const ended = stage.event(({ type, status }) => type === 'session-status' && status === 'completed', last);
  await sendAll(stage, [0, 1, 2, 3], 1, d);
  await stage.send(4, 1, new Float32Array(d).fill(1000));
  await ended;
  await stage.coordinator.close();
}

describe('a commit on disk', () => {
  let folder: string;
  beforeEach(async () => (folder = await newFolder()));
  afterEach(removeFolders);

  for (let made = 0; made <= kinds.length; made++) {
    it(`is announced once, though a kill came after ${made} of its ${kinds.length} announcements`, async () => {
      await interrupted(folder, kinds.slice(made));
      for (let restart = 0; restart < 2; restart++) {
        const stage = await scene({ store: await openDiskStore({ folder }) });
        expect(told(stage)).deep.equal(whole);
        const session = stage.coordinator.session(SESSION);
        expect(session).deep.include({ status: 'completed', committed: 1, round: null });
        expect(session.nodes.find(({ node }) => node === nodeName(4))).deep.include({
          excluded: true,
          accepted: 1,
        });
        await stage.coordinator.close();
      }
      const store = await openDiskStore({ folder });
      expect(store.sessions[0]).deep.include({ status: 'completed' });
      await store.close();
    });
  }

  it('is announced, though the announcements of a removed session of its name are in the log', async () => {
    await interrupted(folder, []);
    let stage = await scene({ store: await openDiskStore({ folder }) });
    await stage.coordinator.deleteSession(SESSION);
    for (const { id } of stage.coordinator.nodes()) await stage.coordinator.removeNode(id);
    await stage.coordinator.close();
    await interrupted(folder, kinds);
    stage = await scene({ store: await openDiskStore({ folder }) });
    expect(told(stage)).deep.equal([...whole, ...whole]);
    await stage.coordinator.close();
  });

  it('keeps its announcements where a node sends its update again before the restart is over', async () => {
    await interrupted(folder, kinds);
    const stage = await scene({ store: await openDiskStore({ folder }) });
    expect(await stage.send(0, 1, updateOf(0, 1, d))).deep.include({ repeated: true, round: 1 });
    expect(told(stage)).deep.equal(whole);
    await stage.coordinator.close();
  });
});
