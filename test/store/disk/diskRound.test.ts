/** What a disk store finds of rounds when it is opened again. */
import { expect } from 'chai';
import { readFileSync, statSync, writeFileSync, rmSync, cpSync } from 'node:fs';
import { diskScene } from '../../support/diskScene.js';
import { expectRefusal } from '../../support/refusal.js';
import {
  bytesOf,
  checkpointOf,
  gather,
  headerOf,
  noTime,
  rowOf,
  send,
  updateOf,
} from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

describe('rounds on a disk', () => {
  const disk = diskScene();

  it('finds the updates of the round that was under way, and takes more', async () => {
    await disk.session.writeCheckpoint(checkpointOf(0));
    const asked = Array.from({ length: 1000 }, (_, i) => `node-${i}`);
    const header = { ...headerOf(1, 1000, 3), asked };
    const round = await disk.session.openRound(header, noTime);
    const aborted = await round.reserve('x');
    await aborted.write(bytesOf(rowOf(1000, 9)));
    const updates = [await send(round, 'b', rowOf(1000, 1)), await send(round, 'a', rowOf(1000, 2), false)];
    await aborted.abort();
    await disk.reopen();
    const found = await disk.recover();
    expect(found.header).deep.equal(header);
    expect(found.updates).deep.members(updates);
    expect(found.sealed).null;
    await send(found, 'c', rowOf(1000, 3));
    await expectRefusal(() => send(found, 'a', rowOf(1000, 3)), 'CONFLICTING_UPDATE');
    await disk.reopen();
    const again = await disk.recover();
    for (const [node, seed] of Object.entries({ b: 1, a: 2, c: 3 })) {
      expect((await gather(again.read(node))).equals(bytesOf(rowOf(1000, seed)))).true;
    }
    expect(again.updates).lengthOf(3);
    expect(disk.store.damages).deep.equal([]);
  });

  it('finds a sealed round sealed, with however many nodes', async () => {
    const round = await disk.session.openRound(headerOf(1, 2), noTime);
    const nodes = Array.from({ length: 700 }, (_, i) => `${'n'.repeat(60)}${i}`);
    await Promise.all(nodes.map((node, i) => send(round, node, rowOf(2, i))));
    await send(round, 'late', rowOf(2, 1));
    await round.seal(nodes);
    for (let i = 0; i < 2; i++) {
      await disk.reopen();
      const found = await disk.recover();
      expect(found.sealed).deep.equal([...nodes].sort());
      expect(found.updates).lengthOf(701);
      await expectRefusal(() => found.reserve('x'), 'ROUND_CLOSED');
      await found.seal(nodes);
    }
    expect(disk.store.damages).deep.equal([]);
  });

  it('has no round under way when none was, or it was committed or discarded', async () => {
    expect(await disk.session.recoverRound()).null;
    const round = await disk.session.openRound(headerOf(1, 10), noTime);
    await send(round, 'a', rowOf(10, 1));
    await round.seal(['a']);
    await disk.session.writeCheckpoint(checkpointOf(1));
    await (await disk.session.openRound(headerOf(2, 10), noTime)).discard();
    await disk.reopen();
    expect(await disk.session.recoverRound()).null;
    expect((await disk.session.readUpdate(1, 'a')).update.node).equal('a');
  });

  it('takes the newest attempt, and removes those before', async () => {
    for (const attempt of [2, 10, 9]) {
      await send(
        await disk.session.openRound(headerOf(1, 10, attempt), noTime),
        `a${attempt}`,
        rowOf(10, attempt),
      );
    }
    await disk.reopen();
    expect((await disk.recover()).header.attempt).equal(10);
    expect(disk.files('rounds')).deep.equal(['000000001-0010.round']);
  });

  it('takes up a round again whose checkpoint was removed, and sets those after it aside', async () => {
    for (const number of [1, 2]) {
      const round = await disk.session.openRound(headerOf(number, 10), noTime);
      await send(round, 'a', rowOf(10, number));
      await round.seal(['a']);
      await disk.session.writeCheckpoint(checkpointOf(number));
    }
    await send(await disk.session.openRound(headerOf(3, 10), noTime), 'a', rowOf(10, 3));
    await disk.store.close();
    rmSync(disk.pathOf('checkpoints', 1));
    await disk.open();
    const found = await disk.recover();
    expect([found.header.round, found.sealed]).deep.equal([2, ['a']]);
    expect(disk.files('rounds').at(-1)).equal('000000003-0001.round.damaged');
    expect(disk.store.damages).lengthOf(1);
  });

  it('gives places back that were not used', async () => {
    const round = await disk.session.openRound(headerOf(1, 10_000), noTime);
    for (let i = 0; i < 20; i++) {
      const slot = await round.reserve('a');
      await slot.write(bytesOf(rowOf(10_000, i)));
      await slot.abort();
    }
    await send(round, 'a', rowOf(10_000, 1));
    await send(round, 'b', rowOf(10_000, 2));
    expect(statSync(disk.pathOf('rounds')).size).below(120_000);
  });

  it('silently reuses the place of an update that a crash cut off', async () => {
    const round = await disk.session.openRound(headerOf(1, 100_000), noTime);
    await send(round, 'a', rowOf(100_000, 1));
    const cut = await round.reserve('b');
    await cut.write(bytesOf(rowOf(100_000, 2)));
    const copy = temporaryFolder();
    cpSync(disk.folder, copy, { recursive: true });
    await disk.store.close();
    disk.folder = copy;
    await disk.open();
    const found = await disk.recover();
    expect(found.updates.map(({ node }) => node)).deep.equal(['a']);
    await send(found, 'b', rowOf(100_000, 3));
    expect((await gather(found.read('b'))).equals(bytesOf(rowOf(100_000, 3)))).true;
    expect(statSync(disk.pathOf('rounds')).size).below(1_000_000);
  });

  it('refuses what is said of an update where it takes more than its place', async () => {
    const round = await disk.session.openRound(headerOf(1, 10), noTime);
    const slot = await round.reserve('a');
    await slot.write(bytesOf(rowOf(10, 1)));
    const metrics = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`metric-${i}`, i]));
    const update = { ...updateOf('a', rowOf(10, 1)), metrics };
    await expectRefusal(() => slot.commit(update), 'PAYLOAD_TOO_LARGE');
    await send(round, 'a', rowOf(10, 1));
  });

  it('takes no update without the digest that its slot was promised', async () => {
    const round = await disk.session.openRound(headerOf(1, 10), noTime);
    const slot = await round.reserve('a', true);
    await slot.write(bytesOf(rowOf(10, 1)));
    await expectRefusal(() => slot.commit(updateOf('a', rowOf(10, 1), false)), 'INTERNAL');
    await send(round, 'a', rowOf(10, 1));
  });

  it('reports damage in files outside the current round: an older checkpoint, a committed round', async () => {
    await disk.reopen({ keepRounds: 3 });
    await disk.session.writeCheckpoint(checkpointOf(0));
    for (const number of [1, 2, 3]) {
      const round = await disk.session.openRound(headerOf(number, 12), noTime);
      for (const node of ['a', 'b']) await send(round, node, rowOf(12, number));
      await round.seal(['a', 'b']);
      await disk.session.writeCheckpoint(checkpointOf(number));
      await round.close();
    }
    await disk.store.close();
    const damage = (path: string, at: (bytes: Buffer) => number): string => {
      const bytes = readFileSync(path);
      bytes[at(bytes)]! ^= 1;
      writeFileSync(path, bytes);
      return path;
    };
    const damaged = [
      damage(disk.pathOf('checkpoints', 1), (bytes) => bytes.length - 1),
      damage(disk.pathOf('rounds', 0), (bytes) => bytes.indexOf('"node":"a"')),
      damage(disk.pathOf('rounds', 1), (bytes) => bytes.indexOf('"nodes"')),
    ];
    const told: string[] = [];
    await disk.open({ keepRounds: 3, onDamage: ({ file }) => told.push(file) });
    await disk.store.close(); // waits until all was looked at
    expect(told).deep.equal(damaged);
    expect(disk.store.damages.map(({ file }) => file)).deep.equal(damaged);
  });

  it('proves a row whose SHA-256 was not taken all the same', async () => {
    const round = await disk.session.openRound(headerOf(1, 100), noTime);
    await send(round, 'a', rowOf(100, 1), false);
    await disk.store.close();
    const path = disk.pathOf('rounds');
    const bytes = readFileSync(path);
    bytes[3 * 4096 + 399]! ^= 1;
    writeFileSync(path, bytes);
    await disk.open();
    expect((await disk.recover()).updates).deep.equal([]);
    expect(disk.store.damages).lengthOf(1);
  });

  it('opens a sealed round again where one of its updates is damaged', async () => {
    const round = await disk.session.openRound(headerOf(1, 100), noTime);
    for (const node of ['a', 'b']) await send(round, node, rowOf(100, 1));
    await round.seal(['a', 'b']);
    await disk.store.close();
    const path = disk.pathOf('rounds');
    const bytes = readFileSync(path);
    bytes[3 * 4096]! ^= 1;
    writeFileSync(path, bytes);
    await disk.open();
    const found = await disk.recover();
    expect(found.sealed).null;
    expect(found.updates.map(({ node }) => node)).deep.equal(['b']);
    expect(disk.store.damages).lengthOf(2);
    await send(found, 'a', rowOf(100, 5));
    await found.seal(['a', 'b']);
    await disk.reopen();
    expect((await disk.recover()).sealed).deep.equal(['a', 'b']);
    expect((await gather((await disk.recover()).read('a'))).equals(bytesOf(rowOf(100, 5)))).true;
  });
});
