/** What a disk store finds when it is opened again: its journal, its events, its folder. */
import { expect } from 'chai';
import { readdirSync, readFileSync, statSync, writeFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { diskScene } from '../../support/diskScene.js';
import { expectRefusal } from '../../support/refusal.js';
import { checkpointOf, nodeEntry, sessionEntry } from '../../support/storeData.js';

describe('openDiskStore, opened again', () => {
  const disk = diskScene();

  it('has the nodes and sessions as they were last recorded', async () => {
    await disk.store.record({ type: 'node', node: nodeEntry('a') });
    await disk.store.record({ type: 'node', node: nodeEntry('b') });
    await disk.store.record({ type: 'session', session: sessionEntry('s') });
    await disk.store.record({ type: 'session', session: sessionEntry('t') });
    await disk.store.record({ type: 'session', session: sessionEntry('s', 'running') });
    await disk.store.record({ type: 'node', node: nodeEntry('a', 2) });
    await disk.store.record({ type: 'node-removed', id: 'b' });
    await disk.store.record({ type: 'session-removed', id: 't' });
    expect(disk.store.nodes).deep.equal([]); // as of the opening
    for (let i = 0; i < 2; i++) {
      await disk.reopen();
      expect(disk.store.nodes).deep.equal([nodeEntry('a', 2)]);
      expect(disk.store.sessions).deep.equal([sessionEntry('s', 'running')]);
      expect(disk.store.damages).deep.equal([]);
    }
  });

  it('keeps its journal short, whatever is recorded over and over', async () => {
    const capabilities = { notes: 'x'.repeat(2000) };
    for (let i = 0; i < 1000; i++) {
      await disk.store.record({ type: 'node', node: { ...nodeEntry(`n${i % 3}`, i), capabilities } });
    }
    expect(statSync(join(disk.folder, 'journal')).size).below(600_000);
    await disk.reopen();
    expect(disk.store.nodes.map(({ registeredAtMs }) => registeredAtMs).sort()).deep.equal([997, 998, 999]);
  });

  it('numbers events on, and keeps as many files as it needs', async () => {
    const told = [];
    for (let opening = 0; opening < 6; opening++) {
      await disk.reopen({ keepEvents: 10 });
      for (let i = 0; i < 7; i++) told.push(disk.store.events.append(told.length, { i: told.length }));
      const { first, last } = disk.store.events;
      expect(last).equal(told.length);
      expect(disk.store.events.since(0, 100)).deep.equal(told.slice(first - 1));
    }
    await disk.reopen({ keepEvents: 10 });
    expect(disk.store.events.since(0, 100)).deep.equal(told.slice(disk.store.events.first - 1));
    expect(disk.store.events.last - disk.store.events.first + 1).least(10);
    expect(readdirSync(join(disk.folder, 'events')).length).below(10);
    expect(disk.store.damages).deep.equal([]);
  });

  it('goes on with events where somebody else removed the oldest', async () => {
    await disk.reopen({ keepEvents: 8 });
    const append = (count: number): void => {
      for (let i = 0; i < count; i++) disk.store.events.append(i, { i });
    };
    append(6);
    rmSync(join(disk.folder, 'events', readdirSync(join(disk.folder, 'events')).sort()[0]!));
    append(20);
    expect(disk.store.damages).deep.equal([]);
    const kept = disk.store.events.since(disk.store.events.last - 8, 8);
    await disk.reopen({ keepEvents: 8 });
    expect(disk.store.events.since(18, 8)).deep.equal(kept);
  });

  it('ignores files that it does not know, and removes what a crash left half-written', async () => {
    await disk.session.writeCheckpoint(checkpointOf(1));
    for (const place of ['', 'events', 'sessions', 'sessions/s/rounds', 'sessions/s/checkpoints']) {
      writeFileSync(join(disk.folder, place, 'README.txt'), 'hello');
      writeFileSync(join(disk.folder, place, '77-1.tmp'), 'half');
    }
    mkdirSync(join(disk.folder, 'sessions/gone.tmp/rounds'), { recursive: true });
    await disk.reopen();
    expect(await disk.session.readCheckpoint()).deep.equal(checkpointOf(1));
    expect(disk.store.damages).deep.equal([]);
    const all = readdirSync(disk.folder, { recursive: true }).map(String);
    expect(all.filter((name) => name.includes('.tmp'))).deep.equal([]);
    expect(all.filter((name) => name.endsWith('README.txt'))).lengthOf(5);
  });

  it('does not open a journal that is damaged inside, and names the place', async () => {
    for (const id of ['a', 'b', 'c']) await disk.store.record({ type: 'node', node: nodeEntry(id) });
    await disk.store.close();
    const path = join(disk.folder, 'journal');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"a"');
    bytes[at + 1]! ^= 4;
    writeFileSync(path, bytes);
    const { details } = await expectRefusal(() => disk.open(), 'CORRUPT_FILE');
    expect(details.file).equal(path);
    expect(details.offset).within(1, at);
    writeFileSync(path, '');
    await expectRefusal(() => disk.open(), 'CORRUPT_FILE');
    rmSync(path);
    await disk.open();
  });

  it('cuts a torn or damaged last record off the journal, reports it, and keeps the damaged one', async () => {
    for (const id of ['a', 'b']) await disk.store.record({ type: 'node', node: nodeEntry(id) });
    await disk.store.close();
    const path = join(disk.folder, 'journal');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, -1));
    await disk.open();
    expect(disk.store.nodes.map(({ id }) => id)).deep.equal(['a']);
    expect(disk.store.damages.map(({ file }) => file)).deep.equal([path]);
    await disk.store.record({ type: 'node', node: nodeEntry('c') });
    await disk.reopen();
    expect(disk.store.nodes.map(({ id }) => id)).deep.equal(['a', 'c']);
    expect(disk.store.damages).deep.equal([]);

    await disk.store.close();
    const flipped = readFileSync(path);
    flipped[flipped.length - 1]! ^= 1;
    writeFileSync(path, flipped);
    await disk.open();
    expect(disk.store.nodes.map(({ id }) => id)).deep.equal(['a']);
    expect(disk.store.damages.map(({ file }) => file)).deep.equal([path]);
    expect(readdirSync(disk.folder).filter((name) => /^journal-\d+\.damaged$/.test(name))).lengthOf(1);
    await disk.reopen();
    expect(disk.store.damages).deep.equal([]);
  });

  it('reuses the number of a torn, unannounced event', async () => {
    const told = [1, 2, 3].map((i) => disk.store.events.append(i, { i }));
    await disk.store.close();
    const path = join(disk.folder, 'events', readdirSync(join(disk.folder, 'events'))[0]!);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    for (let opening = 0; opening < 3; opening++) {
      await disk.open();
      expect(disk.store.events.since(0, 10).slice(0, 2)).deep.equal(told.slice(0, 2));
      expect(disk.store.events.append(9, {}).number).equal(3 + opening);
      expect(disk.store.damages.map(({ file }) => file)).deep.equal(opening === 0 ? [path] : []);
      await disk.store.close();
    }
    await disk.open();
  });

  it('refuses everything once it is closed', async () => {
    await disk.store.close();
    await disk.store.close();
    await expectRefusal(() => disk.store.record({ type: 'node-removed', id: 'a' }), 'STORE_FAILED');
    await expectRefusal(() => disk.store.session('t'), 'STORE_FAILED');
    await expectRefusal(() => openDiskStore({ folder: '' }), 'INVALID_PARAMETER');
  });
});
