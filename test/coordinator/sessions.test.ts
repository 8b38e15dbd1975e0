import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CoordinatorOptions } from '../../src/coordinator/coordinator.js';
import type { QuorateError } from '../../src/errors.js';
import { openDiskStore } from '../../src/store/disk/diskStore.js';
import { directRun } from '../support/coordinator/directRun.js';
import { newFolder, removeFolders } from '../support/coordinator/folders.js';
import { gate } from '../support/coordinator/gate.js';
import { ManualClock } from '../support/coordinator/manualClock.js';
import {
  nodeName,
  scene,
  type Scene,
  SESSION,
  startModel,
  testEngine,
  updateOf,
} from '../support/coordinator/scene.js';
import { expectRefusal } from '../support/refusal.js';

const d = 20;

/** As the run of `started` makes it, with these nodes. */
const direct = (rounds: number, nodes = [0, 1, 2]) =>
  directRun(
    {
      pipeline: 'median',
      optimizer: 'fed-adam',
      updates: 'delta',
      rounds,
      start: startModel(d),
      rows: (round) => nodes.map((node) => updateOf(node, round, d)),
    },
    testEngine(),
  );

async function sceneOn(folder: string, options: Partial<CoordinatorOptions> = {}): Promise<Scene> {
  return scene({ store: await openDiskStore({ folder }), ...options });
}

/** A scene whose first round collects. */
async function started(folder: string, options: Partial<CoordinatorOptions> = {}): Promise<Scene> {
  const stage = await sceneOn(folder, options);
  await stage.register(3);
  await stage.begin({ quorum: 2, rounds: 3, pipeline: 'median', optimizer: 'fed-adam', deadlineMs: 5000 }, d);
  return stage;
}

const send = (stage: Scene, node: number, round: number) => stage.send(node, round, updateOf(node, round, d));

async function sendAll(stage: Scene, round: number): Promise<void> {
  await Promise.all([0, 1, 2].map((node) => send(stage, node, round)));
  await stage.committed(round);
}

async function finish(stage: Scene, from: number): Promise<void> {
  for (let round = from; round <= 3; round++) await sendAll(stage, round);
  expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 3 });
  expect(stage.coordinator.session(SESSION).model?.digest).equal((await direct(3))[3]);
  await stage.coordinator.close();
}

/** As a crash leaves the journal that comes before it is told that the session was started. */
async function forgetStart(folder: string): Promise<void> {
  const store = await openDiskStore({ folder });
  const entry = store.sessions[0]!;
  await store.record({ type: 'session', session: { ...entry, status: 'created' } });
  await store.close();
}

describe('sessions on disk', () => {
  afterEach(removeFolders);

  it('run to the same end as in memory', async () => {
    const stage = await started(await newFolder());
    await finish(stage, 1);
    expect(stage.errors).deep.equal([]);
  });

  it('go on in the middle of a round, with what was acknowledged', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    const receipt = await send(before, 0, 1);
    await before.coordinator.close();

    const stage = await sceneOn(folder);
    const view = stage.coordinator.session(SESSION);
    expect(view).deep.include({ status: 'running', committed: 0 });
    expect(view.round).deep.include({ number: 1, attempt: 1, phase: 'collecting', accepted: 1 });
    expect(await send(stage, 0, 1)).deep.equal({ ...receipt, repeated: true });
    await expectRefusal(() => stage.send(0, 1, updateOf(9, 1, d)), 'CONFLICTING_UPDATE');
    await finish(stage, 1);
  });

  it('are known as started by their round, where a crash came before the journal had it', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    const receipt = await send(before, 0, 1);
    await before.coordinator.close();
    await forgetStart(folder);

    const stage = await sceneOn(folder);
    expect(stage.coordinator.session(SESSION).status).equal('running');
    expect(await send(stage, 0, 1)).deep.equal({ ...receipt, repeated: true });
    await finish(stage, 1);
  });

  it('are recorded as started once that is known', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    await before.coordinator.close();
    await forgetStart(folder);

    const stage = await sceneOn(folder);
    await stage.coordinator.start(SESSION); // whose answer was lost
    await stage.coordinator.close();
    const after = await openDiskStore({ folder });
    expect(after.sessions.map(({ status }) => status)).deep.equal(['running']);
    await after.close();
  });

  it('wait for nodes that were there before, until they are lost', async () => {
    const folder = await newFolder();
    const clock = new ManualClock();
    const liveness = { heartbeatMs: 100, suspectAfter: 2, lostAfter: 4 };
    const before = await started(folder, { clock, liveness });
    for (const node of [0, 1]) await send(before, node, 1);
    await before.coordinator.close();

    const stage = await sceneOn(folder, { clock, liveness });
    for (const node of [0, 1]) stage.coordinator.heartbeat(nodeName(node));
    expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
    clock.advance(399);
    for (const node of [0, 1]) stage.coordinator.heartbeat(nodeName(node));
    expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
    clock.advance(1);
    await stage.committed(1);
    expect((await stage.coordinator.round(SESSION, 1)).accepted).equal(2);
    await stage.coordinator.close();
  });

  describe('give a round the rest of its time', () => {
    const liveness = { heartbeatMs: 1e6, suspectAfter: 1, lostAfter: 1 };
    /** What the wall clock is ahead by, before and after the restart; and what is left of 5000 ms. */
    const cases = {
      'as the wall clock says': [0, 0, 1000],
      'where the wall clock was set back': [0, -3_600_000, 2000],
      'where the wall clock was set forward': [0, 3_600_000, 0],
      'where the wall clock was set back before': [-3_600_000, -3_600_000, 1000],
      'where the wall clock was set forward before': [3_600_000, 3_600_000, 1000],
    } as const;
    for (const [what, [aheadMs, laterAheadMs, leftMs]] of Object.entries(cases)) {
      it(what, async () => {
        const folder = await newFolder();
        const clock = new ManualClock();
        const before = await started(folder, { clock, liveness });
        await send(before, 0, 1);
        clock.wallAheadMs = aheadMs;
        clock.advance(3000);
        await send(before, 1, 1); // durable, and so is the time
        clock.advance(1000);
        await before.coordinator.close();

        clock.wallAheadMs = laterAheadMs;
        const stage = await sceneOn(folder, { clock, liveness });
        if (leftMs > 0) {
          clock.advance(leftMs - 1);
          expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
          clock.advance(1);
        }
        await stage.committed(1);
        await stage.coordinator.close();
      });
    }

    it('over restarts in a row, none of which takes a whole deadline', async () => {
      const folder = await newFolder();
      const clock = new ManualClock();
      let stage = await started(folder, { clock, liveness });
      for (const node of [0, 1]) await send(stage, node, 1);
      clock.wallAheadMs = -3_600_000;
      for (let restart = 0; restart < 4; restart++) {
        await stage.coordinator.close();
        stage = await sceneOn(folder, { clock, liveness });
        expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
        clock.advance(1249);
      }
      clock.advance(3);
      expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
      clock.advance(1);
      await stage.committed(1);
      await stage.coordinator.close();
    });

    it('and shows its times by the wall clock', async () => {
      const clock = new ManualClock();
      const stage = await started(await newFolder(), { clock, liveness });
      const openedAtMs = clock.now();
      clock.advance(100);
      clock.wallAheadMs = -3_600_000;
      expect(stage.coordinator.session(SESSION).round).deep.include({
        openedAtMs: openedAtMs - 3_600_000,
        deadlineAtMs: openedAtMs + 5000 - 3_600_000,
      });
      await stage.coordinator.close();
    });
  });

  it('aggregate a sealed round again, with the same updates', async () => {
    const folder = await newFolder();
    const evaluating = gate();
    const held = gate();
    const before = await started(folder, {
      evaluate: async () => {
        evaluating.open();
        await held.opened;
        return {};
      },
    });
    await Promise.all([0, 1, 2].map((node) => send(before, node, 1)));
    await evaluating.opened;
    const closing = before.coordinator.close(); // gives the aggregation up
    held.open();
    await closing;
    expect(before.told('round-committed', 'round-failed')).deep.equal([]);

    const stage = await sceneOn(folder);
    await stage.committed(1);
    await stage.register(3);
    expect((await send(stage, 0, 1)).repeated).equal(true);
    await finish(stage, 2);
  });

  it('go on after a commit, with history, records and optimizer', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    await sendAll(before, 1);
    await sendAll(before, 2);
    const [rounds, metrics, record] = await Promise.all([
      before.coordinator.rounds(SESSION, { from: 1, limit: 2 }),
      before.coordinator.metrics(SESSION, { from: 1, limit: 10 }),
      before.coordinator.round(SESSION, 2),
    ]);
    const { nodes } = before.coordinator.session(SESSION);
    await before.coordinator.close();

    const stage = await sceneOn(folder);
    expect(await stage.coordinator.rounds(SESSION, { from: 1, limit: 2 })).deep.equal(rounds);
    expect(await stage.coordinator.metrics(SESSION, { from: 1, limit: 10 })).deep.equal(metrics);
    expect(await stage.coordinator.round(SESSION, 2)).deep.equal(record);
    await stage.register(3);
    expect(stage.coordinator.session(SESSION).nodes).deep.equal(nodes);
    expect((await send(stage, 1, 1)).repeated).equal(true); // from the checkpoint of round 1
    await expectRefusal(() => stage.send(1, 1, updateOf(9, 1, d)), 'CONFLICTING_UPDATE');
    await finish(stage, 3);
  });

  it('keep their control state over a restart', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    await before.coordinator.pause(SESSION);
    await before.coordinator.close();
    const paused = await sceneOn(folder);
    expect(paused.coordinator.session(SESSION).status).equal('paused');
    await paused.coordinator.stop(SESSION);
    await paused.coordinator.close();
    const stopped = await sceneOn(folder);
    expect(stopped.coordinator.session(SESSION).status).equal('stopped');
    await stopped.coordinator.close();
  });

  it('know their nodes and tokens', async () => {
    const folder = await newFolder();
    const before = await sceneOn(folder, { tokens: true });
    const registration = { id: 'a', sessions: [], capabilities: { gpu: 1 }, publicKey: null };
    const { token, node } = await before.coordinator.registerNode(registration);
    await before.coordinator.close();
    const stage = await sceneOn(folder, { tokens: true });
    expect(stage.coordinator.nodeOfToken(token!)).equal('a');
    expect(stage.coordinator.node('a')).deep.include({ id: 'a', registeredAtMs: node.registeredAtMs });
    await stage.coordinator.close();
  });

  it('number events through a restart', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    const { last } = before.coordinator.events;
    await before.coordinator.close();
    const stage = await sceneOn(folder);
    expect(stage.coordinator.events.since(0, 1)[0]!.number).equal(1);
    expect(stage.coordinator.events.last).above(last - 1);
    const numbers = stage.coordinator.events.since(0, 1000).map(({ number }) => number);
    expect(numbers).deep.equal(numbers.map((_, i) => i + 1));
    await stage.coordinator.close();
  });

  const checkpoints = (folder: string, session: string) => join(folder, 'sessions', session, 'checkpoints');

  async function damage(folder: string, wanted: (name: string) => boolean): Promise<void> {
    for (const name of (await readdir(folder)).filter(wanted)) await truncate(join(folder, name), 100);
  }

  it('refuse a damaged model, and make it again from the round’s updates once it is removed', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    await sendAll(before, 1);
    await sendAll(before, 2);
    const { last } = before.coordinator.events;
    await before.coordinator.close();
    const isNewest = (name: string) => Number.parseInt(name) === 2;
    await damage(checkpoints(folder, SESSION), isNewest);

    const refused = await sceneOn(folder);
    const error = await expectRefusal(() => refused.coordinator.start(SESSION), 'CORRUPT_FILE');
    expect(error.message).contain('000000002');
    await refused.coordinator.close();

    const [name] = (await readdir(checkpoints(folder, SESSION))).filter(isNewest);
    await rm(join(checkpoints(folder, SESSION), name!));
    const stage = await sceneOn(folder);
    await stage.event(({ type, round }) => type === 'round-committed' && round === 2, last);
    expect(stage.coordinator.session(SESSION).model?.digest).equal((await direct(2))[2]);
    await stage.register(3);
    await finish(stage, 3);
  });

  it('leave one alone that can’t go on', async () => {
    const folder = await newFolder();
    const before = await started(folder);
    await before.register(2, [SESSION, 'broken']);
    await before.begin({ id: 'broken', quorum: 2 }, d);
    await before.coordinator.close();
    await damage(checkpoints(folder, 'broken'), () => true);
    const stage = await sceneOn(folder);
    expect((stage.errors as QuorateError[]).map(({ code }) => code)).deep.equal(['CORRUPT_FILE']);
    await expectRefusal(() => stage.coordinator.session('broken'), 'CORRUPT_FILE');
    const config = { id: 'broken', pipeline: 'mean', quorum: 2 };
    await expectRefusal(() => stage.coordinator.createSession(config), 'CORRUPT_FILE');
    await stage.coordinator.deleteSession('broken');
    await expectRefusal(() => stage.coordinator.session('broken'), 'UNKNOWN_SESSION');
    expect((await stage.coordinator.createSession(config)).model).equal(null);
    await stage.register(3);
    await finish(stage, 1);
  });
});
