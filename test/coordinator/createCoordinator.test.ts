import { expect } from 'chai';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';
import { createCoordinator } from '../../src/coordinator/index.js';
import { createEngine, type Engine } from '../../src/core/engine.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';
import { QuorateError } from '../../src/errors.js';
import { faultyStore } from '../support/coordinator/faultyStore.js';
import { gate } from '../support/coordinator/gate.js';
import {
  bytesOf,
  nodeName,
  scene,
  SESSION,
  startModel,
  tensors,
  testEngine,
  updateOf,
} from '../support/coordinator/scene.js';
import { expectRefusal } from '../support/refusal.js';

const d = 20;
const config = (more: Partial<SessionConfigInput> = {}): SessionConfigInput => ({
  id: SESSION,
  pipeline: 'median',
  quorum: 2,
  ...more,
});
const model = () => ({ tensors: tensors(d), values: startModel(d) });

describe('createCoordinator', () => {
  it('makes a session once, however often it is asked for the same', async () => {
    const { coordinator } = await scene();
    const first = await coordinator.createSession(config());
    expect(first).deep.include({ id: SESSION, status: 'created', committed: 0, model: null, round: null });
    const both = await Promise.all([1, 2].map(() => coordinator.createSession(config({ rounds: 100 }))));
    expect(both).deep.equal([first, first]);
    const refusal = await expectRefusal(
      () => coordinator.createSession(config({ quorum: 3 })),
      'SESSION_EXISTS',
    );
    expect(refusal.message).equal(`a session named '${SESSION}' already exists, with another configuration`);
    expect(coordinator.sessions()).length(1);
    await coordinator.close();
  });

  it('refuses what it does not know', async () => {
    const { coordinator } = await scene();
    await expectRefusal(() => coordinator.session('no'), 'UNKNOWN_SESSION');
    await expectRefusal(() => coordinator.start('no'), 'UNKNOWN_SESSION');
    await expectRefusal(() => coordinator.model('no'), 'UNKNOWN_SESSION');
    await coordinator.createSession(config());
    await expectRefusal(() => coordinator.model(SESSION), 'NO_MODEL');
    await expectRefusal(() => coordinator.round(SESSION, 1), 'UNKNOWN_ROUND');
    await expectRefusal(() => coordinator.createSession(config({ id: 't', quorum: 0 })), 'INVALID_PARAMETER');
    await coordinator.close();
  });

  it('takes each command in its states only', async () => {
    const { coordinator } = await scene();
    await coordinator.createSession(config());
    await expectRefusal(() => coordinator.start(SESSION), 'NO_MODEL');
    await expectRefusal(() => coordinator.pause(SESSION), 'WRONG_STATE');
    await expectRefusal(() => coordinator.resume(SESSION), 'WRONG_STATE');
    await coordinator.setModel(SESSION, model());
    const started = [await coordinator.start(SESSION), await coordinator.start(SESSION)];
    expect(started.map(({ status }) => status)).deep.equal(['running', 'running']);
    const error = await expectRefusal(() => coordinator.setModel(SESSION, model()), 'WRONG_STATE');
    expect(error.details.status).equal('running');
    expect((await coordinator.pause(SESSION)).status).equal('paused');
    await expectRefusal(() => coordinator.start(SESSION), 'WRONG_STATE');
    expect((await coordinator.resume(SESSION)).status).equal('running');
    expect((await coordinator.stop(SESSION)).status).equal('stopped');
    expect((await coordinator.stop(SESSION)).status).equal('stopped');
    await expectRefusal(() => coordinator.start(SESSION), 'WRONG_STATE');
    await coordinator.close();
  });

  it('answers a command when it is durable', async () => {
    let isFull = false;
    const store = faultyStore(async (write) => {
      if (write === 'record' && isFull) throw new QuorateError('STORE_FULL', 'full');
    });
    const { coordinator } = await scene({ store });
    await coordinator.createSession(config());
    await coordinator.setModel(SESSION, model());
    isFull = true;
    await expectRefusal(() => coordinator.start(SESSION), 'STORE_FULL');
    isFull = false;
    expect((await coordinator.start(SESSION)).status).equal('running');
    await coordinator.close();
  });

  it('takes a model that is what it says', async () => {
    const { coordinator } = await scene();
    await coordinator.createSession(config());
    const values = startModel(d);
    const refuses = (tensors: { name: string; shape: number[] }[], given = values) =>
      coordinator.setModel(SESSION, { tensors, values: given });
    await expectRefusal(() => refuses([{ name: 'a', shape: [3, 7] }]), 'BAD_SHAPE');
    await expectRefusal(() => refuses([{ name: 'a', shape: [0] }], new Float32Array()), 'EMPTY_INPUT');
    const twice = [10, 10].map((length) => ({ name: 'a', shape: [length] }));
    await expectRefusal(() => refuses(twice), 'INVALID_PARAMETER');
    await expectRefusal(() => refuses(tensors(d), values.with(4, NaN)), 'NON_FINITE');
    const split = [
      { name: 'weight', shape: [3, 6] },
      { name: 'bias', shape: [2] },
    ];
    expect(await refuses(split)).deep.include({ round: 0, d, tensors: split });
    const again = values.map((value) => value + 1);
    expect(await refuses(split, again)).not.deep.include({
      digest: (await coordinator.model(SESSION)).round,
    });
    expect([...(await coordinator.model(SESSION)).values]).deep.equal([...again]);
    await coordinator.close();
  });

  it('keeps older models at hand as long as the store does', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 5 }, d);
    const digests = [];
    for (let round = 1; round <= 5; round++) {
      for (const node of [0, 1]) await stage.send(node, round, updateOf(node, round, d));
      await stage.committed(round);
      digests.push((await stage.coordinator.model(SESSION)).digest);
    }
    expect((await stage.coordinator.model(SESSION, 4)).digest).equal(digests[3]);
    expect([...(await stage.coordinator.model(SESSION, 0)).values]).deep.equal([...startModel(d)]);
    await expectRefusal(() => stage.coordinator.model(SESSION, 1), 'UNKNOWN_ROUND');
    const kept = await stage.coordinator.checkpoints(SESSION);
    expect(kept.map(({ round }) => round)).deep.equal([0, 3, 4, 5]);
    await stage.coordinator.close();
  });

  it('lists rounds by pages, the open one last', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 5 }, d);
    for (let round = 1; round <= 3; round++) {
      for (const node of [0, 1]) await stage.send(node, round, updateOf(node, round, d));
      await stage.committed(round);
    }
    const list = async (from: number, limit: number) =>
      (await stage.coordinator.rounds(SESSION, { from, limit })).map(({ number, phase }) => [number, phase]);
    expect(await list(2, 10)).deep.equal([
      [2, 'committed'],
      [3, 'committed'],
      [4, 'collecting'],
    ]);
    expect(await list(1, 2)).length(2);
    expect(await list(4, 2)).deep.equal([[4, 'collecting']]);
    expect(await list(5, 2)).deep.equal([]);
    await stage.coordinator.close();
  });

  it('keeps sessions apart', async () => {
    let fails = true;
    const store = faultyStore(async (write, session) => {
      if (session === 'broken' && write === 'openRound' && fails)
        throw new QuorateError('STORE_FAILED', 'no');
    });
    const stage = await scene({
      store,
      evaluate: async (_model, session) => {
        if (session === 'broken') throw new Error('broken');
        return { score: 1 };
      },
    });
    await stage.register(2, [SESSION, 'broken', 'other']);
    await stage.begin({ quorum: 2, rounds: 2, id: 'broken' }, d);
    await stage.begin({ quorum: 2, rounds: 2, optimizer: 'fed-adam' }, d);
    await stage.begin({ quorum: 2, rounds: 2, id: 'other' }, 7);
    await expectRefusal(() => stage.send(0, 1, updateOf(0, 1, d), { session: 'broken' }), 'STORE_FAILED');
    await Promise.all(
      [0, 1].flatMap((node) => [
        stage.send(node, 1, updateOf(node, 1, d)),
        stage.send(node, 1, updateOf(node, 2, 7), { session: 'other' }),
      ]),
    );
    await Promise.all([stage.committed(1), stage.committed(1, 'other')]);
    await stage.coordinator.stop('other');
    expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
    expect(stage.coordinator.session('broken')).deep.include({ status: 'running', committed: 0 });
    fails = false; // the place is made when it is next needed
    for (const node of [0, 1]) await stage.send(node, 1, updateOf(node, 1, d), { session: 'broken' });
    await stage.committed(1, 'broken');
    await stage.coordinator.close();
  });

  it('forgets a session that is deleted', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    await stage.send(0, 1, updateOf(0, 1, d));
    await stage.coordinator.deleteSession(SESSION);
    await expectRefusal(() => stage.coordinator.session(SESSION), 'UNKNOWN_SESSION');
    await expectRefusal(() => stage.send(0, 1, updateOf(0, 1, d)), 'UNKNOWN_SESSION');
    await stage.begin({ quorum: 2, pipeline: 'median' }, d);
    expect(stage.coordinator.session(SESSION)).deep.include({ committed: 0, status: 'running' });
    expect((await stage.send(0, 1, updateOf(5, 1, d))).repeated).equal(false);
    await stage.coordinator.close();
  });

  it('forgets a node that is removed, and its history', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 2 }, d);
    await Promise.all([0, 1].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
    await stage.coordinator.removeNode(nodeName(2)); // nobody is missing now
    await stage.committed(1);
    expect(stage.coordinator.session(SESSION).nodes.map(({ node }) => node)).deep.equal([0, 1].map(nodeName));
    await expectRefusal(() => stage.send(2, 2, updateOf(2, 2, d)), 'UNKNOWN_NODE');
    await stage.coordinator.close();
  });

  it('refuses new work while closing, and aborts unfinished uploads', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    const begun = gate();
    const endless = (async function* () {
      yield bytesOf(updateOf(0, 1, d)).subarray(0, 10);
      begun.open();
      await new Promise(() => undefined);
    })();
    const half = expectRefusal(() => stage.send(0, 1, updateOf(0, 1, d), { body: endless }), 'SHUTTING_DOWN');
    await begun.opened;
    const { coordinator } = stage;
    await Promise.all([coordinator.close(), coordinator.close()]);
    await half;
    await expectRefusal(() => stage.send(0, 1, updateOf(0, 1, d)), 'SHUTTING_DOWN');
    await expectRefusal(() => coordinator.createSession(config({ id: 'new' })), 'SHUTTING_DOWN');
    await expectRefusal(() => coordinator.stop(SESSION), 'SHUTTING_DOWN');
    await expectRefusal(() => coordinator.heartbeat(nodeName(0)), 'SHUTTING_DOWN');
    expect(coordinator.session(SESSION).nodes[0]!.refused).deep.equal({});
  });

  it('waits for a commit that is under way when it closes', async () => {
    const committing = gate();
    const held = gate();
    const store = faultyStore(async (write) => {
      if (write !== 'commit') return;
      committing.open();
      await held.opened;
    });
    const stage = await scene({ store });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    const upload = stage.send(0, 1, updateOf(0, 1, d));
    await committing.opened;
    let isClosed = false;
    const closing = stage.coordinator.close().then(() => (isClosed = true));
    await new Promise(setImmediate);
    expect(isClosed).equal(false);
    held.open();
    expect((await upload).accepted).equal(1);
    await closing;
  });

  it('waits for a session that is being made when it closes', async () => {
    const recording = gate();
    const held = gate();
    const store = faultyStore(async (write) => {
      if (write !== 'record') return;
      recording.open();
      await held.opened;
    });
    const { coordinator } = await scene({ store });
    const making = coordinator.createSession(config());
    await recording.opened;
    const order: string[] = [];
    const made = making.then(() => order.push('made'));
    const closed = coordinator.close().then(() => order.push('closed'));
    await new Promise((resolve) => setImmediate(resolve));
    held.open();
    await Promise.all([made, closed]);
    expect(order).deep.equal(['made', 'closed']);
  });

  it('disposes of an engine of its own, and of no other', async () => {
    const own = await createCoordinator({ store: memoryStore() });
    const ownEngine = Reflect.get(own, 'engine') as Engine;
    expect(() => ownEngine.requireAlive()).not.throw();
    await own.close();
    await expectRefusal(() => ownEngine.requireAlive(), 'ENGINE_DISPOSED');
    const engine = createEngine({ threads: 1 });
    const coordinator = await createCoordinator({ store: memoryStore(), engine });
    await coordinator.close();
    expect(() => engine.requireAlive()).not.throw();
    await engine.dispose();
    expect(() => testEngine().requireAlive()).not.throw();
  });
});
