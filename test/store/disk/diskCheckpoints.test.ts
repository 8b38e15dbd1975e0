/** What a disk store finds of checkpoints when it is opened again. */
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from '../../../src/formats/safetensors.js';
import { diskScene } from '../../support/diskScene.js';
import { expectRefusal } from '../../support/refusal.js';
import { bytesOf, checkpointOf, headerOf, noTime, sha256 } from '../../support/storeData.js';

describe('checkpoints on a disk', () => {
  const disk = diskScene();

  it('writes checkpoints that are safetensors files, named by their own SHA-256', async () => {
    const checkpoint = {
      ...checkpointOf(7),
      tensors: [
        { name: 'optimizer.momentum', shape: [4] },
        { name: '__proto__', shape: [8] },
      ],
    };
    await disk.session.writeCheckpoint(checkpoint);
    const [name] = disk.files('checkpoints');
    const bytes = readFileSync(join(disk.folder, 'sessions/s/checkpoints', name!));
    expect(name).equal(`000000007-${sha256(bytes)}.safetensors`);
    const { tensors, metadata } = await readSafetensors(bytes);
    expect(tensors.map((tensor) => tensor.name)).deep.equal([
      'optimizer.momentum',
      '__proto__',
      'optimizer.momentum_',
    ]);
    expect(tensors[2]!.values).deep.equal(checkpoint.optimizer!.vectors.momentum);
    expect(JSON.parse(metadata.record!)).deep.equal(checkpoint.record);
    await disk.reopen();
    expect(await disk.session.readCheckpoint()).deep.equal(checkpoint);
    const { modelDigest, sizeBytes } = (await disk.session.checkpoints())[0]!;
    expect(modelDigest).equal(sha256(bytesOf(checkpoint.model)));
    expect(sizeBytes).equal(bytes.length);
  });

  it('refuses tensors that are not the model’s', async () => {
    const checkpoint = { ...checkpointOf(1), model: new Float32Array(11) };
    await expectRefusal(() => disk.session.writeCheckpoint(checkpoint), 'BAD_SHAPE');
    expect(disk.files('checkpoints')).deep.equal([]);
  });

  it('names a damaged checkpoint, does not fall back to an older one, and leaves the others alone', async () => {
    for (const number of [0, 1, 2]) await disk.session.writeCheckpoint(checkpointOf(number));
    await disk.store.close();
    const damaged = disk.pathOf('checkpoints', 2);
    const bytes = readFileSync(damaged);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(damaged, bytes);
    await disk.open();
    for (const round of [undefined, 2]) {
      const refusal = await expectRefusal(() => disk.session.readCheckpoint(round), 'CORRUPT_FILE');
      expect(refusal.details.file).equal(damaged);
    }
    expect(await disk.session.readCheckpoint(1)).deep.equal(checkpointOf(1));
    expect((await disk.session.checkpoints()).map(({ round }) => round)).deep.equal([0, 1]);
    expect(disk.store.damages.map(({ file, session: id }) => [file, id])).deep.equal([[damaged, 's']]);
  });

  it('keeps the newer of two checkpoints of one round', async () => {
    await disk.session.writeCheckpoint(checkpointOf(0));
    const kept = disk.pathOf('checkpoints');
    const copy = readFileSync(kept);
    // Its time is earlier: the clock was set back.
    const newer = { ...checkpointOf(0, 12, 50), createdAtMs: 7 };
    await disk.session.writeCheckpoint(newer);
    await disk.store.close();
    writeFileSync(kept, copy);
    for (let i = 0; i < 2; i++) {
      await disk.open();
      expect(await disk.session.readCheckpoint()).deep.equal(newer);
      await disk.store.close();
    }
    await disk.open();
    expect(disk.files('checkpoints')).lengthOf(2); // looking at them removes nothing
    const third = { ...checkpointOf(0, 12, 60), createdAtMs: 3 };
    await disk.session.writeCheckpoint(third);
    expect(disk.files('checkpoints')).lengthOf(1);
    await disk.reopen();
    expect(await disk.session.readCheckpoint()).deep.equal(third);
  });

  it('prefers the damaged one of two of one round: which is newer can’t be read', async () => {
    await disk.session.writeCheckpoint(checkpointOf(0));
    const first = disk.pathOf('checkpoints');
    const copy = readFileSync(first);
    await disk.session.writeCheckpoint(checkpointOf(0, 12, 50));
    const second = disk.pathOf('checkpoints');
    await disk.store.close();
    writeFileSync(first, copy);
    writeFileSync(second, readFileSync(second).fill(7, 100, 120));
    await disk.open();
    await expectRefusal(() => disk.session.readCheckpoint(), 'CORRUPT_FILE');
  });

  it('removes nothing when it is only opened, whatever is kept', async () => {
    for (let round = 0; round <= 6; round++) {
      const file = round > 0 ? await disk.session.openRound(headerOf(round, 10), noTime) : null;
      await disk.session.writeCheckpoint(checkpointOf(round));
      await file?.close();
    }
    await disk.session.openRound(headerOf(7, 10), noTime);
    await disk.reopen({ keepCheckpoints: 99, keepRounds: 99 });
    const before = [disk.files('checkpoints'), disk.files('rounds')];
    await disk.reopen({ keepCheckpoints: 1, keepRounds: 0 });
    await (await disk.session.recoverRound())!.close();
    expect([disk.files('checkpoints'), disk.files('rounds')]).deep.equal(before);
    await disk.session.writeCheckpoint(checkpointOf(7));
    expect([disk.files('checkpoints').length, disk.files('rounds').length]).deep.equal([2, 0]);
  });
});
