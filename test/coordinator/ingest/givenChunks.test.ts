import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { decode, encode } from '../../../src/core/codec.js';
import { vectorDigest } from '../../../src/aggregation/report.js';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { memoryStore } from '../../../src/store/memory/memoryStore.js';
import { faultyStore } from '../../support/coordinator/faultyStore.js';
import { body, bytesOf, scene, storedBytes, testEngine, updateOf } from '../../support/coordinator/scene.js';
import { ports } from '../../support/coordinator/ports.js';
import { expectRefusal } from '../../support/refusal.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** Large enough for the hash thread. */
const d = 200_003;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function* cut(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe('an update whose chunks are given', () => {
  for (const kind of ['memory', 'disk'] as const) {
    it(`uses up chunks that it is given, and no others, with a ${kind} store`, async () => {
      const store = kind === 'memory' ? memoryStore() : await openDiskStore({ folder: temporaryFolder() });
      const stage = await scene({ store });
      await stage.register(3);
      await stage.begin({ quorum: 3, targetUpdates: 3 }, d);
      for (const givesChunks of [true, undefined]) {
        const node = givesChunks ? 1 : 0;
        const update = updateOf(node, 1, d);
        const chunks = Array.from(cut(bytesOf(update), 65_537), (piece) => new Uint8Array(piece));
        const more = {
          body: Readable.from(chunks),
          bodyDigest: sha256(bytesOf(update)),
          ...(givesChunks && { givesChunks }),
        };
        const receipt = await stage.send(node, 1, update, more);
        expect(receipt.digest).equal(vectorDigest(update));
        const left = chunks.reduce((sum, { length }) => sum + length, 0);
        expect(left).equal(givesChunks ? 0 : d * 4);
        expect(Buffer.compare(await storedBytes(stage, 1, node), bytesOf(update))).equal(0);
        const again = { ...more, body: body(bytesOf(update), 65_537) };
        expect(await stage.send(node, 1, update, again)).deep.equal({ ...receipt, repeated: true });
        await expectRefusal(
          () => stage.send(node, 1, update, { ...again, body: body(bytesOf(updateOf(5, 1, d)), 65_537) }),
          'BAD_DIGEST',
        );
      }
      await stage.coordinator.close();
    });
  }

  it('has the digest of its values, whatever its chunks are', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    const encoded = await encode(updateOf(0, 1, d), 'f16', { engine: testEngine() });
    const { bytes } = encoded;
    const update = await decode(encoded, { engine: testEngine() });
    const chunks = Array.from(cut(bytes, 65_537), (piece) => new Uint8Array(piece));
    const receipt = await stage.send(0, 1, update, {
      format: { kind: 'f16' },
      body: Readable.from(chunks),
      bodyDigest: sha256(bytes),
      givesChunks: true,
    });
    expect(receipt.digest).equal(vectorDigest(update));
    expect(chunks.every(({ length }) => length === 0)).equal(true);
    await stage.coordinator.close();
  });

  it('leaves nothing waiting when it is refused midway', async () => {
    let aborted = 0;
    const store = faultyStore(async (write) => {
      if (write === 'abort') aborted++;
    });
    const stage = await scene({ store });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    const update = updateOf(0, 1, d);
    update[d - 1] = NaN;
    const before = ports();
    const more = { body: body(bytesOf(update).slice(), 65_537), givesChunks: true };
    await expectRefusal(() => stage.send(0, 1, update, more), 'NON_FINITE');
    expect(aborted).equal(1);
    expect(ports()).equal(before);
    await stage.coordinator.close();
  });
});
