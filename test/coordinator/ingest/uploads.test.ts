import { expect } from 'chai';
import { encode } from '../../../src/core/codec.js';
import { QuorateError } from '../../../src/errors.js';
import { writeSafetensors } from '../../../src/formats/safetensors.js';
import { vectorDigest } from '../../../src/aggregation/report.js';
import { faultyStore } from '../../support/coordinator/faultyStore.js';
import { gate } from '../../support/coordinator/gate.js';
import {
  body,
  bytesOf,
  nodeName,
  scene,
  SESSION,
  storedBytes,
  testEngine,
  updateOf,
} from '../../support/coordinator/scene.js';
import { d, inTwoParts, opened, recordOf } from '../../support/coordinator/uploadScene.js';
import { expectRefusal } from '../../support/refusal.js';

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
    expect(recordOf(stage, 0).refused).deep.equal({ CONFLICTING_UPDATE: 1 });
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
