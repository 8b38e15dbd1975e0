/** What a disk store finds when it is opened again. */
import { expect } from 'chai';
import { readdirSync, readFileSync, statSync, writeFileSync, mkdirSync, rmSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import '../../src/index.js'; // reading safetensors needs the core
import { readSafetensors } from '../../src/formats/safetensors.js';
import { openDiskStore } from '../../src/store/disk.js';
import type { RetentionOptions } from '../../src/store/retention.js';
import type { RoundStore, SessionStore, Store } from '../../src/store/store.js';
import { expectRefusal } from '../support/refusal.js';
import {
  bytesOf,
  checkpointOf,
  gather,
  headerOf,
  nodeEntry,
  rowOf,
  send,
  sessionEntry,
  sha256,
  updateOf,
} from '../support/storeData.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

describe('openDiskStore, opened again', () => {
  let folder: string;
  let store: Store;
  let session: SessionStore;
  const open = async (options: RetentionOptions = {}): Promise<void> => {
    store = await openDiskStore({ folder, ...options });
    session = await store.session('s');
  };
  const reopen = async (options: RetentionOptions = {}): Promise<void> => {
    await store.close();
    await open(options);
  };
  const recover = async (): Promise<RoundStore> => (await session.recoverRound())!;
  const files = (name: string): string[] => readdirSync(join(folder, 'sessions/s', name)).sort();
  const pathOf = (kind: string, i = 0): string => join(folder, 'sessions/s', kind, files(kind)[i]);

  beforeEach(async () => {
    folder = temporaryFolder();
    await open();
  });
  afterEach(() => store.close());

  it('has the nodes and sessions as they were last recorded', async () => {
    await store.record({ type: 'node', node: nodeEntry('a') });
    await store.record({ type: 'node', node: nodeEntry('b') });
    await store.record({ type: 'session', session: sessionEntry('s') });
    await store.record({ type: 'session', session: sessionEntry('t') });
    await store.record({ type: 'session', session: sessionEntry('s', 'running') });
    await store.record({ type: 'node', node: nodeEntry('a', 2) });
    await store.record({ type: 'node-removed', id: 'b' });
    await store.record({ type: 'session-removed', id: 't' });
    expect(store.nodes).deep.equal([]); // as of the opening
    for (let i = 0; i < 2; i++) {
      await reopen();
      expect(store.nodes).deep.equal([nodeEntry('a', 2)]);
      expect(store.sessions).deep.equal([sessionEntry('s', 'running')]);
      expect(store.damages).deep.equal([]);
    }
  });

  it('keeps its journal short, whatever is recorded over and over', async () => {
    const capabilities = { notes: 'x'.repeat(2000) };
    for (let i = 0; i < 1000; i++) {
      await store.record({ type: 'node', node: { ...nodeEntry(`n${i % 3}`, i), capabilities } });
    }
    expect(statSync(join(folder, 'journal')).size).below(600_000);
    await reopen();
    expect(store.nodes.map(({ registeredAtMs }) => registeredAtMs).sort()).deep.equal([997, 998, 999]);
  });

  it('numbers events on, and keeps as many files as it needs', async () => {
    const told = [];
    for (let opening = 0; opening < 6; opening++) {
      await reopen({ keepEvents: 10 });
      for (let i = 0; i < 7; i++) told.push(store.events.append(told.length, { i: told.length }));
      const { first, last } = store.events;
      expect(last).equal(told.length);
      expect(store.events.since(0, 100)).deep.equal(told.slice(first - 1));
    }
    await reopen({ keepEvents: 10 });
    expect(store.events.since(0, 100)).deep.equal(told.slice(store.events.first - 1));
    expect(store.events.last - store.events.first + 1).least(10);
    expect(readdirSync(join(folder, 'events')).length).below(10);
    expect(store.damages).deep.equal([]);
  });

  it('goes on with events where somebody else removed the oldest', async () => {
    await reopen({ keepEvents: 8 });
    const append = (count: number): void => {
      for (let i = 0; i < count; i++) store.events.append(i, { i });
    };
    append(6);
    rmSync(join(folder, 'events', readdirSync(join(folder, 'events')).sort()[0]));
    append(20);
    expect(store.damages).deep.equal([]);
    const kept = store.events.since(store.events.last - 8, 8);
    await reopen({ keepEvents: 8 });
    expect(store.events.since(18, 8)).deep.equal(kept);
  });

  it('finds the updates of the round that was under way, and takes more', async () => {
    await session.writeCheckpoint(checkpointOf(0));
    const asked = Array.from({ length: 1000 }, (_, i) => `node-${i}`);
    const header = { ...headerOf(1, 1000, 3), asked };
    const round = await session.openRound(header);
    const aborted = await round.reserve('x');
    await aborted.write(bytesOf(rowOf(1000, 9)));
    const updates = [await send(round, 'b', rowOf(1000, 1)), await send(round, 'a', rowOf(1000, 2), false)];
    await aborted.abort();
    await reopen();
    const found = await recover();
    expect(found.header).deep.equal(header);
    expect(found.updates).deep.members(updates);
    expect(found.sealed).null;
    await send(found, 'c', rowOf(1000, 3));
    await expectRefusal(() => send(found, 'a', rowOf(1000, 3)), 'CONFLICTING_UPDATE');
    await reopen();
    const again = await recover();
    for (const [node, seed] of Object.entries({ b: 1, a: 2, c: 3 })) {
      expect((await gather(again.read(node))).equals(bytesOf(rowOf(1000, seed)))).true;
    }
    expect(again.updates).lengthOf(3);
    expect(store.damages).deep.equal([]);
  });

  it('finds a sealed round sealed, with however many nodes', async () => {
    const round = await session.openRound(headerOf(1, 2));
    const nodes = Array.from({ length: 700 }, (_, i) => `${'n'.repeat(60)}${i}`);
    await Promise.all(nodes.map((node, i) => send(round, node, rowOf(2, i))));
    await send(round, 'late', rowOf(2, 1));
    await round.seal(nodes);
    for (let i = 0; i < 2; i++) {
      await reopen();
      const found = await recover();
      expect(found.sealed).deep.equal([...nodes].sort());
      expect(found.updates).lengthOf(701);
      await expectRefusal(() => found.reserve('x'), 'ROUND_CLOSED');
      await found.seal(nodes);
    }
    expect(store.damages).deep.equal([]);
  });

  it('has no round under way when none was, or it was committed or discarded', async () => {
    expect(await session.recoverRound()).null;
    const round = await session.openRound(headerOf(1, 10));
    await send(round, 'a', rowOf(10, 1));
    await round.seal(['a']);
    await session.writeCheckpoint(checkpointOf(1));
    await (await session.openRound(headerOf(2, 10))).discard();
    await reopen();
    expect(await session.recoverRound()).null;
    expect((await session.readUpdate(1, 'a')).update.node).equal('a');
  });

  it('takes the newest attempt, and removes those before', async () => {
    for (const attempt of [2, 10, 9]) {
      await send(await session.openRound(headerOf(1, 10, attempt)), `a${attempt}`, rowOf(10, attempt));
    }
    await reopen();
    expect((await recover()).header.attempt).equal(10);
    expect(files('rounds')).deep.equal(['000000001-0010.round']);
  });

  it('takes up a round again whose checkpoint was removed, and sets those after it aside', async () => {
    for (const number of [1, 2]) {
      const round = await session.openRound(headerOf(number, 10));
      await send(round, 'a', rowOf(10, number));
      await round.seal(['a']);
      await session.writeCheckpoint(checkpointOf(number));
    }
    await send(await session.openRound(headerOf(3, 10)), 'a', rowOf(10, 3));
    await store.close();
    rmSync(pathOf('checkpoints', 1));
    await open();
    const found = await recover();
    expect([found.header.round, found.sealed]).deep.equal([2, ['a']]);
    expect(files('rounds').at(-1)).equal('000000003-0001.round.damaged');
    expect(store.damages).lengthOf(1);
  });

  it('gives places back that were not used', async () => {
    const round = await session.openRound(headerOf(1, 10_000));
    for (let i = 0; i < 20; i++) {
      const slot = await round.reserve('a');
      await slot.write(bytesOf(rowOf(10_000, i)));
      await slot.abort();
    }
    await send(round, 'a', rowOf(10_000, 1));
    await send(round, 'b', rowOf(10_000, 2));
    expect(statSync(pathOf('rounds')).size).below(120_000);
  });

  it('says nothing of an update that a crash cut off, and uses its place', async () => {
    const round = await session.openRound(headerOf(1, 100_000));
    await send(round, 'a', rowOf(100_000, 1));
    const cut = await round.reserve('b');
    await cut.write(bytesOf(rowOf(100_000, 2)));
    const copy = temporaryFolder();
    cpSync(folder, copy, { recursive: true });
    await store.close();
    folder = copy;
    await open();
    const found = await recover();
    expect(found.updates.map(({ node }) => node)).deep.equal(['a']);
    await send(found, 'b', rowOf(100_000, 3));
    expect((await gather(found.read('b'))).equals(bytesOf(rowOf(100_000, 3)))).true;
    expect(statSync(pathOf('rounds')).size).below(1_000_000);
  });

  it('refuses what is said of an update where it takes more than its place', async () => {
    const round = await session.openRound(headerOf(1, 10));
    const slot = await round.reserve('a');
    await slot.write(bytesOf(rowOf(10, 1)));
    const metrics = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`metric-${i}`, i]));
    const update = { ...updateOf('a', rowOf(10, 1)), metrics };
    await expectRefusal(() => slot.commit(update), 'PAYLOAD_TOO_LARGE');
    await send(round, 'a', rowOf(10, 1));
  });

  it('takes no update without the digest that its slot was promised', async () => {
    const round = await session.openRound(headerOf(1, 10));
    const slot = await round.reserve('a', true);
    await slot.write(bytesOf(rowOf(10, 1)));
    await expectRefusal(() => slot.commit(updateOf('a', rowOf(10, 1), false)), 'INTERNAL');
    await send(round, 'a', rowOf(10, 1));
  });

  it('writes checkpoints that are safetensors files, named by their own SHA-256', async () => {
    const checkpoint = {
      ...checkpointOf(7),
      tensors: [
        { name: 'optimizer.momentum', shape: [4] },
        { name: '__proto__', shape: [8] },
      ],
    };
    await session.writeCheckpoint(checkpoint);
    const [name] = files('checkpoints');
    const bytes = readFileSync(join(folder, 'sessions/s/checkpoints', name));
    expect(name).equal(`000000007-${sha256(bytes)}.safetensors`);
    const { tensors, metadata } = await readSafetensors(bytes);
    expect(tensors.map((tensor) => tensor.name)).deep.equal([
      'optimizer.momentum',
      '__proto__',
      'optimizer.momentum_',
    ]);
    expect(tensors[2].values).deep.equal(checkpoint.optimizer!.vectors.momentum);
    expect(JSON.parse(metadata.record)).deep.equal(checkpoint.record);
    await reopen();
    expect(await session.readCheckpoint()).deep.equal(checkpoint);
    const { modelDigest, sizeBytes } = (await session.checkpoints())[0];
    expect(modelDigest).equal(sha256(bytesOf(checkpoint.model)));
    expect(sizeBytes).equal(bytes.length);
  });

  it('refuses tensors that are not the model’s', async () => {
    const checkpoint = { ...checkpointOf(1), model: new Float32Array(11) };
    await expectRefusal(() => session.writeCheckpoint(checkpoint), 'BAD_SHAPE');
    expect(files('checkpoints')).deep.equal([]);
  });

  it('names a damaged checkpoint, does not fall back to an older one, and leaves the others alone', async () => {
    for (const number of [0, 1, 2]) await session.writeCheckpoint(checkpointOf(number));
    await store.close();
    const damaged = pathOf('checkpoints', 2);
    const bytes = readFileSync(damaged);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(damaged, bytes);
    await open();
    for (const round of [undefined, 2]) {
      const refusal = await expectRefusal(() => session.readCheckpoint(round), 'CORRUPT_FILE');
      expect(refusal.details.file).equal(damaged);
    }
    expect(await session.readCheckpoint(1)).deep.equal(checkpointOf(1));
    expect((await session.checkpoints()).map(({ round }) => round)).deep.equal([0, 1]);
    expect(store.damages.map(({ file, session: id }) => [file, id])).deep.equal([[damaged, 's']]);
  });

  it('tells of damage in what nobody asks for: an older checkpoint, a committed round', async () => {
    await reopen({ keepRounds: 3 });
    await session.writeCheckpoint(checkpointOf(0));
    for (const number of [1, 2, 3]) {
      const round = await session.openRound(headerOf(number, 12));
      for (const node of ['a', 'b']) await send(round, node, rowOf(12, number));
      await round.seal(['a', 'b']);
      await session.writeCheckpoint(checkpointOf(number));
      await round.close();
    }
    await store.close();
    const damage = (path: string, at: (bytes: Buffer) => number): string => {
      const bytes = readFileSync(path);
      bytes[at(bytes)] ^= 1;
      writeFileSync(path, bytes);
      return path;
    };
    const damaged = [
      damage(pathOf('checkpoints', 1), (bytes) => bytes.length - 1),
      damage(pathOf('rounds', 0), (bytes) => bytes.indexOf('"node":"a"')),
      damage(pathOf('rounds', 1), (bytes) => bytes.indexOf('"nodes"')),
    ];
    const told: string[] = [];
    store = await openDiskStore({ folder, keepRounds: 3, onDamage: ({ file }) => told.push(file) });
    session = await store.session('s');
    await store.close(); // waits until all was looked at
    expect(told).deep.equal(damaged);
    expect(store.damages.map(({ file }) => file)).deep.equal(damaged);
  });

  it('keeps the newer of two checkpoints of one round', async () => {
    await session.writeCheckpoint(checkpointOf(0));
    const kept = pathOf('checkpoints');
    const copy = readFileSync(kept);
    await session.writeCheckpoint(checkpointOf(0, 12, 50));
    await store.close();
    writeFileSync(kept, copy);
    await open();
    expect(files('checkpoints')).lengthOf(1);
    expect(await session.readCheckpoint()).deep.equal(checkpointOf(0, 12, 50));
  });

  it('ignores files that it does not know, and removes what a crash left half-written', async () => {
    await session.writeCheckpoint(checkpointOf(1));
    for (const place of ['', 'events', 'sessions', 'sessions/s/rounds', 'sessions/s/checkpoints']) {
      writeFileSync(join(folder, place, 'README.txt'), 'hello');
      writeFileSync(join(folder, place, '77-1.tmp'), 'half');
    }
    mkdirSync(join(folder, 'sessions/gone.tmp/rounds'), { recursive: true });
    await reopen();
    expect(await session.readCheckpoint()).deep.equal(checkpointOf(1));
    expect(store.damages).deep.equal([]);
    const all = readdirSync(folder, { recursive: true }).map(String);
    expect(all.filter((name) => name.includes('.tmp'))).deep.equal([]);
    expect(all.filter((name) => name.endsWith('README.txt'))).lengthOf(5);
  });

  it('does not open a journal that is damaged inside, and names the place', async () => {
    for (const id of ['a', 'b', 'c']) await store.record({ type: 'node', node: nodeEntry(id) });
    await store.close();
    const path = join(folder, 'journal');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"a"');
    bytes[at + 1] ^= 4;
    writeFileSync(path, bytes);
    const { details } = await expectRefusal(() => open(), 'CORRUPT_FILE');
    expect(details.file).equal(path);
    expect(details.offset).within(1, at);
    writeFileSync(path, '');
    await expectRefusal(() => open(), 'CORRUPT_FILE');
    rmSync(path);
    await open();
  });

  it('cuts a torn or damaged last record off the journal, tells of it, and keeps the damaged one', async () => {
    for (const id of ['a', 'b']) await store.record({ type: 'node', node: nodeEntry(id) });
    await store.close();
    const path = join(folder, 'journal');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, -1));
    await open();
    expect(store.nodes.map(({ id }) => id)).deep.equal(['a']);
    expect(store.damages.map(({ file }) => file)).deep.equal([path]);
    await store.record({ type: 'node', node: nodeEntry('c') });
    await reopen();
    expect(store.nodes.map(({ id }) => id)).deep.equal(['a', 'c']);
    expect(store.damages).deep.equal([]);

    await store.close();
    const flipped = readFileSync(path);
    flipped[flipped.length - 1] ^= 1;
    writeFileSync(path, flipped);
    await open();
    expect(store.nodes.map(({ id }) => id)).deep.equal(['a']);
    expect(store.damages.map(({ file }) => file)).deep.equal([path]);
    expect(readdirSync(folder).filter((name) => /^journal-\d+\.damaged$/.test(name))).lengthOf(1);
    await reopen();
    expect(store.damages).deep.equal([]);
  });

  it('numbers on behind a torn event, which nobody was told of', async () => {
    const told = [1, 2, 3].map((i) => store.events.append(i, { i }));
    await store.close();
    const path = join(folder, 'events', readdirSync(join(folder, 'events'))[0]);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    for (let opening = 0; opening < 3; opening++) {
      await open();
      expect(store.events.since(0, 10).slice(0, 2)).deep.equal(told.slice(0, 2));
      expect(store.events.append(9, {}).number).equal(3 + opening);
      expect(store.damages.map(({ file }) => file)).deep.equal(opening === 0 ? [path] : []);
      await store.close();
    }
    await open();
  });

  it('proves a row whose SHA-256 was not taken all the same', async () => {
    const round = await session.openRound(headerOf(1, 100));
    await send(round, 'a', rowOf(100, 1), false);
    await store.close();
    const path = pathOf('rounds');
    const bytes = readFileSync(path);
    bytes[4096 + 399] ^= 1;
    writeFileSync(path, bytes);
    await open();
    expect((await recover()).updates).deep.equal([]);
    expect(store.damages).lengthOf(1);
  });

  it('opens a sealed round again where one of its updates is damaged', async () => {
    const round = await session.openRound(headerOf(1, 100));
    for (const node of ['a', 'b']) await send(round, node, rowOf(100, 1));
    await round.seal(['a', 'b']);
    await store.close();
    const path = pathOf('rounds');
    const bytes = readFileSync(path);
    bytes[4096] ^= 1;
    writeFileSync(path, bytes);
    await open();
    const found = await recover();
    expect(found.sealed).null;
    expect(found.updates.map(({ node }) => node)).deep.equal(['b']);
    expect(store.damages).lengthOf(2);
    await send(found, 'a', rowOf(100, 5));
    await found.seal(['a', 'b']);
    await reopen();
    expect((await recover()).sealed).deep.equal(['a', 'b']);
    expect((await gather((await recover()).read('a'))).equals(bytesOf(rowOf(100, 5)))).true;
  });

  it('refuses everything once it is closed', async () => {
    await store.close();
    await store.close();
    await expectRefusal(() => store.record({ type: 'node-removed', id: 'a' }), 'STORE_FAILED');
    await expectRefusal(() => store.session('t'), 'STORE_FAILED');
    await expectRefusal(() => openDiskStore({ folder: '' }), 'INVALID_PARAMETER');
  });
});
