import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { encode } from '../../../src/core/codec.js';
import { QuorateError } from '../../../src/errors.js';
import { writeSafetensors } from '../../../src/formats/safetensors.js';
import { vectorDigest } from '../../../src/aggregation/report.js';
import { faultyStore } from '../../support/coordinator/faultyStore.js';
import { type Gate, gate } from '../../support/coordinator/gate.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import {
  body,
  bytesOf,
  nodeName,
  type Scene,
  scene,
  SESSION,
  storedBytes,
  testEngine,
  updateOf,
} from '../../support/coordinator/scene.js';
import { expectRefusal } from '../../support/refusal.js';

const d = 20;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

async function opened(nodes = 7, config: Parameters<Scene['begin']>[0] = { quorum: 2, targetUpdates: 7 }) {
  const stage = await scene();
  await stage.register(nodes);
  await stage.begin(config, d);
  return stage;
}

const history = (stage: Scene, node: number) =>
  stage.coordinator.session(SESSION).nodes.find((record) => record.node === nodeName(node))!;

/** A body whose second part comes when `rest` is opened. */
async function* inTwoParts(update: Float32Array, begun: Gate, rest: Gate): AsyncGenerator<Uint8Array> {
  yield bytesOf(update).subarray(0, 30);
  begun.open();
  await rest.opened;
  yield bytesOf(update).subarray(30);
}

describe('an update', () => {
  it('is acknowledged with its digest, and can be read', async () => {
    const stage = await opened();
    const update = updateOf(0, 1, d);
    const receipt = await stage.send(0, 1, update, { numExamples: 600, metrics: { loss: 0.5 } });
    expect(receipt).deep.equal({
      round: 1,
      node: nodeName(0),
      digest: vectorDigest(update),
      repeated: false,
      staleness: 0,
      accepted: 1,
      quorum: 2,
    });
    expect(Buffer.compare(await storedBytes(stage, 1, 0), bytesOf(update))).equal(0);
    const { updates } = await stage.coordinator.round(SESSION, 1);
    expect(updates).length(1);
    expect(updates[0]).deep.include({ node: nodeName(0), numExamples: 600, metrics: { loss: 0.5 } });
    await stage.coordinator.close();
  });

  it('is taken beside six others at once', async () => {
    const stage = await opened();
    const receipts = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6].map((node) => stage.send(node, 1, updateOf(node, 1, d))),
    );
    expect(receipts.map(({ accepted }) => accepted).sort()).deep.equal([1, 2, 3, 4, 5, 6, 7]);
    await stage.committed(1);
    const { updates } = await stage.coordinator.round(SESSION, 1);
    expect(updates.map(({ node, digest }) => [node, digest])).deep.equal(
      [0, 1, 2, 3, 4, 5, 6].map((node) => [nodeName(node), vectorDigest(updateOf(node, 1, d))]),
    );
    expect(updates.every(({ used }) => used)).equal(true);
    await stage.coordinator.close();
  });

  it('comes as float16, bfloat16, int8 and safetensors too', async () => {
    const stage = await opened();
    const update = updateOf(0, 1, d);
    for (const [node, encoding] of (['f16', 'bf16'] as const).entries()) {
      const { bytes } = await encode(update, encoding, { engine: testEngine() });
      await stage.send(node, 1, update, { format: { kind: encoding }, body: body(bytes, 7) });
    }
    const int8 = await encode(update, 'int8', { engine: testEngine() });
    if (int8.encoding !== 'int8') throw new Error('not int8');
    await stage.send(2, 1, update, {
      format: { kind: 'int8', scale: int8.scale },
      body: body(int8.bytes, 3),
    });
    const file = writeSafetensors([{ name: 'model', shape: [d], values: update }]);
    await stage.send(3, 1, update, { format: { kind: 'safetensors' }, body: body(file, 11) });
    const { updates } = await stage.coordinator.round(SESSION, 1);
    expect(updates).length(4);
    expect(updates[3]!.digest).equal(vectorDigest(update));
    const stored = await storedBytes(stage, 1, 2);
    const values = new Float32Array(stored.buffer, stored.byteOffset, d);
    values.forEach((value, k) => expect(value).closeTo(update[k]!, int8.scale));
    await stage.coordinator.close();
  });

  it('is answered as before when it comes again', async () => {
    const stage = await opened();
    const first = await stage.send(0, 1, updateOf(0, 1, d));
    const again = await stage.send(0, 1, updateOf(0, 1, d));
    expect(again).deep.equal({ ...first, repeated: true });
    expect(stage.told('update-accepted')).length(1);
    await stage.coordinator.close();
  });

  it('is answered as before when its round is committed', async () => {
    const stage = await opened(2, { quorum: 2 });
    const [first] = await Promise.all([0, 1].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
    await stage.committed(1);
    stage.coordinator.admitUpdate({ session: SESSION, round: 1, node: nodeName(0) });
    const again = await stage.send(0, 1, updateOf(0, 1, d));
    expect(again).deep.equal({ ...first, accepted: 2, repeated: true });
    await expectRefusal(() => stage.send(0, 1, updateOf(5, 1, d)), 'CONFLICTING_UPDATE');
    await stage.coordinator.close();
  });

  it('is refused when it is another than before', async () => {
    const stage = await opened();
    await stage.send(0, 1, updateOf(0, 1, d));
    await expectRefusal(() => stage.send(0, 1, updateOf(1, 1, d)), 'CONFLICTING_UPDATE');
    expect(Buffer.compare(await storedBytes(stage, 1, 0), bytesOf(updateOf(0, 1, d)))).equal(0);
    expect(history(stage, 0).refused).deep.equal({ CONFLICTING_UPDATE: 1 });
    await stage.coordinator.close();
  });

  it('is stored once when it comes twice at once', async () => {
    const stage = await opened();
    const receipts = await Promise.all([1, 2].map(() => stage.send(0, 1, updateOf(0, 1, d))));
    expect(receipts.map(({ repeated }) => repeated).sort()).deep.equal([false, true]);
    expect(receipts.map(({ accepted }) => accepted)).deep.equal([1, 1]);
    await stage.coordinator.close();
  });

  it('is stored once when two different ones come at once', async () => {
    const stage = await opened();
    const outcomes = await Promise.allSettled([1, 2].map((i) => stage.send(0, 1, updateOf(i, 1, d))));
    const [winner] = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const loser: unknown = outcomes.find((outcome) => outcome.status === 'rejected')?.reason;
    expect(loser).instanceOf(QuorateError).property('code', 'CONFLICTING_UPDATE');
    expect(vectorDigest(new Float32Array(Uint8Array.from(await storedBytes(stage, 1, 0)).buffer))).equal(
      winner!.digest,
    );
    expect((await stage.coordinator.round(SESSION, 1)).accepted).equal(1);
    await stage.coordinator.close();
  });

  it('is compared with one that is being committed', async () => {
    const committing = gate();
    const held = gate();
    let first = true;
    const store = faultyStore(async (write) => {
      if (write !== 'commit' || !first) return;
      first = false;
      committing.open();
      await held.opened;
    });
    const stage = await scene({ store });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    const one = stage.send(0, 1, updateOf(0, 1, d));
    await committing.opened;
    const other = expectRefusal(() => stage.send(0, 1, updateOf(1, 1, d)), 'CONFLICTING_UPDATE');
    const same = stage.send(0, 1, updateOf(0, 1, d));
    held.open();
    expect((await one).repeated).equal(false);
    await other;
    expect((await same).repeated).equal(true);
    await stage.coordinator.close();
  });

  for (const digests of [true, false]) {
    it(`gives its place up to one that came in between, ${digests ? 'with' : 'without'} digests`, async () => {
      const rest = gate();
      const begun = gate();
      let aborted = 0;
      const store = faultyStore(async (write) => {
        if (write === 'abort') aborted++;
      });
      const stage = await scene({ store, digests });
      await stage.register(2);
      await stage.begin({ quorum: 2 }, d);
      const update = updateOf(0, 1, d);
      const late = stage.send(0, 1, update, { body: inTwoParts(update, begun, rest) });
      await begun.opened;
      await stage.send(0, 1, update);
      rest.open();
      if (digests) expect((await late).repeated).equal(true);
      else await expectRefusal(() => late, 'INCOMPLETE_UPLOAD'); // what came cannot be compared any more
      expect(aborted).equal(1);
      expect((await stage.send(0, 1, update)).repeated).equal(true);
      await stage.coordinator.close();
    });
  }

  it('is known again without digests taken on the way', async () => {
    const stage = await scene({ digests: false });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    expect((await stage.send(0, 1, updateOf(0, 1, d))).digest).equal(null);
    expect(await stage.send(0, 1, updateOf(0, 1, d))).deep.include({
      repeated: true,
      digest: vectorDigest(updateOf(0, 1, d)),
    });
    await expectRefusal(() => stage.send(0, 1, updateOf(1, 1, d)), 'CONFLICTING_UPDATE');
    await stage.send(1, 1, updateOf(1, 1, d));
    await stage.committed(1);
    expect((await stage.send(1, 1, updateOf(1, 1, d))).repeated).equal(true);
    await expectRefusal(() => stage.send(1, 1, updateOf(0, 1, d)), 'CONFLICTING_UPDATE');
    await stage.coordinator.close();
  });
});

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
    expect(history(stage, 2).refused).deep.equal({ ROUND_CLOSED: 1 });
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
    expect(history(stage, 0).refused).deep.equal({ ROUND_NOT_OPEN: 1, ROUND_CLOSED: 1 });
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
      expect(history(stage, 0).refused).deep.equal({ [code]: 1 });
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
    expect(history(stage, 0).refused, 'it is decided').deep.equal({ ROUND_CLOSED: 1 });
    expect(isAnswered).equal(false);
    sealed.open();
    await refusal;
    await stage.committed(1);
    expect(history(stage, 0).refused, 'and counted once').deep.equal({ ROUND_CLOSED: 1 });
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
    expect(history(stage, 0).refused).deep.equal({});
    isFull = false;
    expect((await stage.send(0, 1, update)).accepted).equal(1);
    await stage.coordinator.close();
  });
});
