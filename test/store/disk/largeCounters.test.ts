/** Numbers that grow with time, at their largest, through each file that has them. */
import { expect } from 'chai';
import { readdirSync, renameSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeRecord } from '../../../src/store/disk/recordFraming.js';
import { encodeUpdate } from '../../../src/store/disk/roundFile.js';
import type { Checkpoint } from '../../../src/store/store.js';
import { diskScene } from '../../support/diskScene.js';
import { checkpointOf, headerOf, noTime, nodeEntry, rowOf, send, updateOf } from '../../support/storeData.js';

const LARGEST = Number.MAX_SAFE_INTEGER;

const of = (round: number): Checkpoint => ({
  ...checkpointOf(round, 12, 1),
  eventsBefore: LARGEST,
  createdAtMs: LARGEST,
});

describe('openDiskStore, with the largest numbers', () => {
  const disk = diskScene();

  it('numbers events up to 2⁵³ − 1', async () => {
    await disk.store.close();
    for (const first of [10 ** 15 - 2, LARGEST - 3]) {
      const events = join(disk.folder, 'events');
      for (const name of readdirSync(events)) renameSync(join(events, name), join(events, `${name}.old`));
      const kept = { number: first, atMs: LARGEST, body: {} };
      writeFileSync(join(events, `${String(first).padStart(15, '0')}.events`), encodeRecord(kept));
      await disk.open({ keepEvents: 4 });
      // Those before are missing, so that nothing is read that may be behind a gap; numbering goes on.
      expect(disk.store.events.last).equal(first);
      for (let number = first + 1; number <= first + 3; number++) {
        expect(disk.store.events.append(LARGEST, {}).number).equal(number);
      }
      await disk.reopen({ keepEvents: 4 });
      expect(disk.store.events.last).equal(first + 3);
      expect(disk.store.events.since(first, 10)).length(3);
      await disk.store.close();
    }
    await disk.open();
  });

  it('has rounds and attempts up to 2⁵³ − 1, in their order', async () => {
    for (const round of [999_999_999, 10 ** 9, LARGEST - 1]) {
      await disk.session.writeCheckpoint(of(round));
    }
    for (const attempt of [9999, 10_000, LARGEST]) {
      const file = await disk.session.openRound(headerOf(LARGEST, 10, attempt), noTime);
      await send(file, 'a', rowOf(10, attempt));
    }
    await disk.reopen();
    expect(await disk.session.readCheckpoint()).deep.equal(of(LARGEST - 1));
    const found = await disk.recover();
    expect(found.header).deep.equal(headerOf(LARGEST, 10, LARGEST));
    await found.seal(['a']);
    await disk.session.writeCheckpoint(of(LARGEST));
    await found.close();
    await disk.reopen();
    expect((await disk.session.readUpdate(LARGEST, 'a')).update.node).equal('a');
    expect((await disk.session.readCheckpoint()).eventsBefore).equal(LARGEST);
  });

  it('counts a round’s records up to 2⁵³ − 1', async () => {
    const round = await disk.session.openRound(headerOf(1, 16), noTime);
    await send(round, 'a', rowOf(16, 1));
    await disk.store.close();
    const path = disk.pathOf('rounds');
    const bytes = readFileSync(path);
    const update = { ...updateOf('a', rowOf(16, 1)), responseMs: LARGEST };
    writeFileSync(
      path,
      Buffer.concat([bytes.subarray(0, bytes.indexOf('QUP2')), encodeUpdate(update, LARGEST - 1, 0)]),
    );
    await disk.open();
    const found = await disk.recover();
    expect(found.updates[0]!.responseMs).equal(LARGEST);
    await send(found, 'b', rowOf(16, 2));
    await disk.reopen();
    expect((await disk.recover()).updates.map(({ node }) => node)).deep.equal(['a', 'b']);
  });

  it('has times and numbers of that size in the journal', async () => {
    await disk.store.record({ type: 'node', node: nodeEntry('a', LARGEST) });
    await disk.store.record({
      type: 'evaluations-counted',
      session: 's',
      round: LARGEST,
      nodes: [],
      eventsBefore: LARGEST,
    });
    await disk.reopen();
    expect(disk.store.nodes[0]!.registeredAtMs).equal(LARGEST);
    expect(disk.store.evaluations('s')).deep.include({ round: LARGEST });
  });
});
