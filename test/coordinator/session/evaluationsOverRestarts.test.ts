import { expect } from 'chai';
import type { CoordinatorOptions } from '../../../src/coordinator/coordinator.js';
import { QuorateError } from '../../../src/errors.js';
import type { SessionConfigInput } from '../../../src/protocol/sessionConfig.js';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import type { Store } from '../../../src/store/store.js';
import { faultyStore } from '../../support/coordinator/faultyStore.js';
import { deaf, partly } from '../../support/coordinator/interruptedStore.js';
import { newFolder, removeFolders } from '../../support/coordinator/folders.js';
import { gate } from '../../support/coordinator/gate.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import { nodeName, scene, type Scene, SESSION, updateOf } from '../../support/coordinator/scene.js';
import { expectRefusal } from '../../support/refusal.js';

const d = 20;

const evaluate = (stage: Scene, node: number, round: number, accuracy: number) =>
  stage.coordinator.receiveEvaluation(SESSION, round, nodeName(node), {
    metrics: { accuracy },
    numExamples: null,
  });

async function commit(stage: Scene, round: number): Promise<void> {
  const { last } = stage.coordinator.events; // a session of this name may have been here before
  await Promise.all([0, 1, 2].map((node) => stage.send(node, round, updateOf(node, round, d))));
  await stage.event((body) => body.type === 'round-committed' && body.round === round, last);
}

/** Three nodes and a session whose first round is committed. */
async function measurable(stage: Scene, config: Partial<SessionConfigInput> = {}): Promise<Scene> {
  await stage.register(3);
  await stage.begin({ quorum: 3, rounds: 9, ...config }, d);
  await commit(stage, 1);
  return stage;
}

const accuracies = async ({ coordinator }: Scene) =>
  (await coordinator.metrics(SESSION, { from: 1, limit: 9 })).map(({ metrics }) => metrics.accuracy);

describe('nodes’ evaluations, over a restart', () => {
  let folder: string;
  beforeEach(async () => (folder = await newFolder()));
  afterEach(removeFolders);

  const open = async (options: Partial<CoordinatorOptions> = {}): Promise<Scene> =>
    scene({ store: await openDiskStore({ folder }), ...options });

  async function reopened(stage: Scene, options: Partial<CoordinatorOptions> = {}): Promise<Scene> {
    await stage.coordinator.close();
    return open(options);
  }

  it('count with those that come after it, once nodes are back', async () => {
    const stopWhen = { metric: 'accuracy', reaches: 0.8 };
    let stage = await measurable(await open(), { stopWhen });
    await evaluate(stage, 0, 1, 0.9);
    await evaluate(stage, 1, 1, 0.8);
    stage = await reopened(stage);
    await stage.register(2); // these two have answered, but are no quorum
    expect(stage.told('round-evaluated')).deep.equal([]);
    await stage.register(3);
    await evaluate(stage, 2, 1, 0.1);
    expect(stage.told('round-evaluated').length).equal(1);
    expect(await accuracies(stage)).deep.equal([0.8]);
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 1 });
    await stage.coordinator.close();
  });

  it('are neither announced twice nor extended once merged', async () => {
    const stopWhen = { metric: 'accuracy', patience: 1 };
    let stage = await measurable(await open(), { stopWhen });
    for (const node of [0, 1, 2]) await evaluate(stage, node, 1, 0.5);
    stage = await reopened(stage);
    expect(await accuracies(stage)).deep.equal([0.5]);
    await stage.register(4);
    await expectRefusal(() => evaluate(stage, 3, 1, 0.9), 'ROUND_CLOSED');
    await expectRefusal(() => evaluate(stage, 0, 1, 0.6), 'CONFLICTING_UPDATE');
    await evaluate(stage, 0, 1, 0.5);
    expect(stage.told('round-evaluated').length).equal(1);

    // What is best so far is known from before.
    await stage.coordinator.removeNode(nodeName(3));
    await commit(stage, 2);
    for (const node of [0, 1, 2]) await evaluate(stage, node, 2, 0.4);
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 2 });
    stage = await reopened(stage);
    expect(await accuracies(stage)).deep.equal([0.5, 0.4]);
    await stage.coordinator.close();
  });

  it('are announced once the set that counts is durable', async () => {
    const [asked, durable] = [gate(), gate()];
    const store = await openDiskStore({ folder });
    const record: Store['record'] = async (entry) => {
      if (entry.type === 'evaluations-counted') {
        asked.open();
        await durable.opened;
      }
      await store.record(entry);
    };
    const stage = await measurable(await scene({ store: partly(store, { record }) }));
    for (const node of [0, 1]) await evaluate(stage, node, 1, 0.5);
    const last = evaluate(stage, 2, 1, 0.9);
    await asked.opened;
    expect(stage.told('round-evaluated')).deep.equal([]);
    durable.open();
    await last;
    expect(stage.told('round-evaluated')).lengthOf(1);
    await stage.coordinator.close();
  });

  it('are announced after a restart if only the store had them, like a commit', async () => {
    const store = await openDiskStore({ folder });
    const unheard: unknown[] = [];
    let stage = await measurable(
      await scene({ store: partly(store, { events: deaf(store.events, unheard) }) }),
    );
    unheard.push('round-evaluated', 'round-committed');
    for (const node of [0, 1, 2]) await evaluate(stage, node, 1, 0.5);
    expect(stage.told('round-evaluated')).deep.equal([]);
    stage = await reopened(stage);
    expect(stage.told('round-evaluated')).lengthOf(1);
    expect(stage.told('round-evaluated')[0]).deep.include({ round: 1, session: SESSION });

    await stage.coordinator.close();
    const again = await openDiskStore({ folder });
    stage = await scene({ store: partly(again, { events: deaf(again.events, unheard) }) });
    await stage.register(3);
    const committed = stage.committed(2);
    await Promise.all([0, 1, 2].map((node) => stage.send(node, 2, updateOf(node, 2, d))));
    await committed;
    expect(stage.told('round-committed')).lengthOf(1);
    for (let i = 0; i < 2; i++) stage = await reopened(stage);
    expect(stage.told('round-committed').map(({ round }) => round)).deep.equal([1, 2]);
    expect(stage.told('round-evaluated')).lengthOf(1);
    await stage.coordinator.close();
  });

  it('are announced after a restart even if the log holds those of a removed session of that name', async () => {
    let stage = await measurable(await open());
    for (const node of [0, 1, 2]) await evaluate(stage, node, 1, 0.5);
    expect(stage.told('round-evaluated')).lengthOf(1);
    await stage.coordinator.deleteSession(SESSION);
    await stage.coordinator.close();
    const store = await openDiskStore({ folder });
    stage = await measurable(
      await scene({ store: partly(store, { events: deaf(store.events, ['round-evaluated']) }) }),
    );
    for (const node of [0, 1, 2]) await evaluate(stage, node, 1, 0.5);
    stage = await reopened(stage);
    expect(stage.told('round-evaluated')).lengthOf(2);
    stage = await reopened(stage);
    expect(stage.told('round-evaluated')).lengthOf(2);
    await stage.coordinator.close();
  });

  it('of the last round end by a deadline', async () => {
    let stage = await measurable(await open(), { quorum: 2, rounds: 1, deadlineMs: 500 });
    for (const node of [0, 1]) await evaluate(stage, node, 1, 0.7);
    const clock = new ManualClock();
    stage = await reopened(stage, { clock });
    clock.advance(500);
    await stage.event(({ type }) => type === 'round-evaluated');
    expect(await accuracies(stage)).deep.equal([0.7]);
    stage = await reopened(stage);
    expect(await accuracies(stage)).deep.equal([0.7]);
    expect(stage.told('round-evaluated').length).equal(1);
    await stage.coordinator.close();
  });

  it('outlive a journal that is written anew, and go with their session', async () => {
    let stage = await measurable(await open());
    await evaluate(stage, 0, 1, 0.7);
    const capabilities = { text: 'x'.repeat(4000) };
    for (let i = 0; i < 150; i++) {
      const note = { id: 'other', sessions: [], capabilities: { ...capabilities, i }, publicKey: null };
      await stage.coordinator.registerNode(note);
    }
    stage = await reopened(stage);
    await expectRefusal(() => evaluate(stage, 0, 1, 0.6), 'CONFLICTING_UPDATE');
    await stage.coordinator.deleteSession(SESSION);
    stage = await reopened(await measurable(stage));
    await evaluate(stage, 0, 1, 0.6);
    await stage.coordinator.close();
  });
});

describe('a node’s evaluation', () => {
  it('is not taken where it can’t be made durable, and may be sent again', async () => {
    let isFull = false;
    const store = faultyStore(async (write) => {
      if (write === 'record' && isFull) throw new QuorateError('STORE_FULL', 'no room');
    });
    const stage = await measurable(await scene({ store }));
    isFull = true;
    await expectRefusal(() => evaluate(stage, 0, 1, 0.9), 'STORE_FULL');
    isFull = false;
    for (const node of [0, 1, 2]) await evaluate(stage, node, 1, 0.5);
    expect(await accuracies(stage)).deep.equal([0.5]);
    await stage.coordinator.close();
  });

  it('counts only once it is durable, and is refused if that is too late', async () => {
    const durable = gate();
    let isHeld = false;
    const store = faultyStore(async (write) => {
      if (write !== 'record' || !isHeld) return;
      isHeld = false; // only the late one
      await durable.opened;
    });
    const stage = await measurable(await scene({ store }), { quorum: 2 });
    for (const node of [0, 1]) await evaluate(stage, node, 1, 0.5);
    isHeld = true;
    const late = evaluate(stage, 2, 1, 0.9);
    await commit(stage, 2);
    durable.open();
    await expectRefusal(() => late, 'ROUND_CLOSED');
    expect((await accuracies(stage))[0]).equal(0.5);
    await stage.coordinator.close();
  });
});
