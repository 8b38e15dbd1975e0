import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { QuorateError } from '../../../src/errors.js';
import { faultyStore } from '../../support/coordinator/faultyStore.js';
import { gate } from '../../support/coordinator/gate.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import {
  body,
  bytesOf,
  nodeName,
  type Scene,
  scene,
  SESSION,
  updateOf,
} from '../../support/coordinator/scene.js';
import { d, inTwoParts, opened, recordOf, sha256 } from '../../support/coordinator/uploadScene.js';
import { expectRefusal } from '../../support/refusal.js';

describe('an update is refused', () => {
  const update = updateOf(0, 1, d);

  it('too early and too late', async () => {
    const stage = await opened(2, { quorum: 2 });
    await expectRefusal(() => stage.send(0, 2, update), 'ROUND_NOT_OPEN');
    await stage.send(0, 1, update);
    await stage.send(1, 1, updateOf(1, 1, d));
    await stage.committed(1);
    await stage.register(1, [SESSION], 2);
    await expectRefusal(() => stage.send(2, 1, update), 'ROUND_CLOSED');
    expect(recordOf(stage, 2).refused).deep.equal({ ROUND_CLOSED: 1 });
    await stage.coordinator.close();
  });

  it('and counted in the series, each time for one round', async () => {
    const stage = await opened(2, { quorum: 2 });
    await expectRefusal(() => stage.send(0, 2, update), 'ROUND_NOT_OPEN');
    for (const round of [1, 2]) {
      await Promise.all([0, 1].map((node) => stage.send(node, round, updateOf(node, round, d))));
      await stage.committed(round);
    }
    const points = await stage.coordinator.metrics(SESSION, { from: 1, limit: 2 });
    expect(points.map(({ refused }) => refused)).deep.equal([1, 0]);
    await stage.coordinator.close();
  });

  it('of strangers, and for other sessions than its node’s', async () => {
    const stage = await opened();
    await expectRefusal(() => stage.send('stranger', 1, update), 'UNKNOWN_NODE');
    await stage.register(1, ['another'], 8);
    await expectRefusal(() => stage.send(8, 1, update), 'UNKNOWN_NODE');
    await expectRefusal(() => stage.send(0, 1, update, { session: 'another' }), 'UNKNOWN_SESSION');
    await stage.coordinator.close();
  });

  it('before its body is read, if that is known', async () => {
    const stage = await opened();
    const refuses = (node: string, round: number) => () =>
      stage.coordinator.admitUpdate({ session: SESSION, round, node });
    await expectRefusal(refuses('stranger', 1), 'UNKNOWN_NODE');
    await expectRefusal(refuses(nodeName(0), 2), 'ROUND_NOT_OPEN');
    await expectRefusal(refuses(nodeName(0), 0), 'ROUND_CLOSED');
    expect(recordOf(stage, 0).refused).deep.equal({ ROUND_NOT_OPEN: 1, ROUND_CLOSED: 1 });
    expect(refuses(nodeName(0), 1)()).deep.equal({ d, tensors: [{ name: 'model', shape: [d] }] });
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => expect.fail('the body was read'),
    };
    await expectRefusal(() => stage.send(0, 2, update, { body }), 'ROUND_NOT_OPEN');
    await stage.coordinator.close();
  });

  const broken: Record<string, readonly [Parameters<Scene['send']>[3], QuorateError['code']]> = {
    'too short': [{ body: body(bytesOf(updateOf(0, 1, d - 1))) }, 'BAD_SHAPE'],
    'too long': [{ body: body(bytesOf(updateOf(0, 1, d + 1))) }, 'BAD_SHAPE'],
    'without a byte': [{ body: body(new Uint8Array()) }, 'BAD_SHAPE'],
    'with NaN': [{ body: body(bytesOf(update.with(3, NaN))) }, 'NON_FINITE'],
    'with an infinity': [{ body: body(bytesOf(update.with(d - 1, -Infinity))) }, 'NON_FINITE'],
    'with another digest': [{ bodyDigest: sha256(Buffer.from('other')) }, 'BAD_DIGEST'],
    'with a digest cut short': [{ bodyDigest: sha256(bytesOf(update)).subarray(0, 31) }, 'BAD_DIGEST'],
    'that is no safetensors file': [{ format: { kind: 'safetensors' } }, 'MALFORMED'],
  };
  for (const [what, [more, code]] of Object.entries(broken)) {
    it(what, async () => {
      const stage = await opened();
      await expectRefusal(() => stage.send(0, 1, update, more), code);
      expect(recordOf(stage, 0).refused).deep.equal({ [code]: 1 });
      // Nothing of it is left, and the node may send a better one.
      expect((await stage.coordinator.round(SESSION, 1)).accepted).equal(0);
      const bodyDigest = sha256(bytesOf(update));
      expect((await stage.send(0, 1, update, { bodyDigest })).repeated).equal(false);
      await stage.coordinator.close();
    });
  }

  it('when its sender goes away', async () => {
    const stage = await opened();
    const lost = new Error('connection reset');
    const half = (async function* () {
      yield bytesOf(update).subarray(0, 30);
      throw lost;
    })();
    const error = await expectRefusal(() => stage.send(0, 1, update, { body: half }), 'INCOMPLETE_UPLOAD');
    expect(error.cause).equal(lost);
    expect((await stage.send(0, 1, update)).repeated).equal(false);
    await stage.coordinator.close();
  });

  it('when its round closes while it comes, and is not made durable', async () => {
    let commits = 0;
    const store = faultyStore(async (write) => {
      if (write === 'commit') commits++;
    });
    const stage = await scene({ store });
    await stage.register(3);
    await stage.begin({ quorum: 2, targetUpdates: 2 }, d);
    const rest = gate();
    const begun = gate();
    const late = stage.send(0, 1, update, { body: inTwoParts(update, begun, rest) });
    const refusal = expectRefusal(() => late, 'ROUND_CLOSED');
    await begun.opened;
    await Promise.all([1, 2].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
    await stage.committed(1);
    rest.open();
    await refusal;
    expect(commits).equal(2);
    const { updates } = await stage.coordinator.round(SESSION, 1);
    expect(updates.map(({ node }) => node)).deep.equal([1, 2].map(nodeName));
    await stage.coordinator.close();
  });

  for (const when of ['commit', 'committed'] as const) {
    it(`when its round closes at ${when}`, async () => {
      const committing = gate();
      const held = gate();
      const clock = new ManualClock();
      let count = 0;
      const store = faultyStore(async (write) => {
        if (write !== when || ++count < 3) return;
        committing.open();
        await held.opened;
      });
      const stage = await scene({ store, clock });
      await stage.register(3);
      await stage.begin({ quorum: 2, deadlineMs: 500, rounds: 2 }, d);
      await Promise.all([1, 2].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
      const refusal = expectRefusal(() => stage.send(0, 1, update), 'ROUND_CLOSED');
      await committing.opened;
      clock.advance(500);
      await stage.committed(1);
      held.open();
      await refusal;
      expect((await stage.coordinator.round(SESSION, 1)).updates).length(2);
      await stage.coordinator.close();
    });

    it(`of an attempt that failed at ${when}`, async () => {
      const committing = gate();
      const held = gate();
      const clock = new ManualClock();
      let first = true;
      const store = faultyStore(async (write) => {
        if (write !== when || !first) return;
        first = false;
        committing.open();
        await held.opened;
      });
      const stage = await scene({ store, clock });
      await stage.register(2);
      await stage.begin({ quorum: 2, deadlineMs: 500, retry: { firstMs: 100 } }, d);
      const refusal = expectRefusal(() => stage.send(0, 1, update), 'ROUND_CLOSED');
      await committing.opened;
      clock.advance(500);
      clock.advance(100);
      await stage.opened(1, 2);
      held.open();
      await refusal;
      expect((await stage.coordinator.round(SESSION, 1)).accepted).equal(0);
      await stage.send(0, 1, update);
      await stage.send(1, 1, updateOf(1, 1, d));
      await stage.committed(1);
      await stage.coordinator.close();
    });
  }

  it('though it is durable, only once the round is sealed without it: a crash before would bring it back', async () => {
    const [durable, held, sealing, sealed] = [gate(), gate(), gate(), gate()];
    const clock = new ManualClock();
    let count = 0;
    const store = faultyStore(async (write) => {
      if (write === 'committed' && ++count === 3) {
        durable.open();
        await held.opened;
      } else if (write === 'seal') {
        sealing.open();
        await sealed.opened;
      }
    });
    const stage = await scene({ store, clock });
    await stage.register(3);
    await stage.begin({ quorum: 2, deadlineMs: 500, rounds: 2 }, d);
    await Promise.all([1, 2].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
    let isAnswered = false;
    const refusal = expectRefusal(() => stage.send(0, 1, update), 'ROUND_CLOSED').then(
      () => (isAnswered = true),
    );
    await durable.opened;
    clock.advance(500);
    await sealing.opened;
    held.open();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    expect(recordOf(stage, 0).refused, 'it is decided').deep.equal({ ROUND_CLOSED: 1 });
    expect(isAnswered).equal(false);
    sealed.open();
    await refusal;
    await stage.committed(1);
    expect(recordOf(stage, 0).refused, 'and counted once').deep.equal({ ROUND_CLOSED: 1 });
    await stage.coordinator.close();
  });

  it('for want of room, which is not the node’s fault', async () => {
    let isFull = true;
    const store = faultyStore(async (write) => {
      if (write === 'commit' && isFull) throw new QuorateError('STORE_FULL', 'full');
    });
    const stage = await scene({ store });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    await expectRefusal(() => stage.send(0, 1, update), 'STORE_FULL');
    expect(recordOf(stage, 0).refused).deep.equal({});
    isFull = false;
    expect((await stage.send(0, 1, update)).accepted).equal(1);
    await stage.coordinator.close();
  });
});
