/**
 * Files damaged anywhere: whatever is read of them is what was written, and what is not read is told of or refused.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { QuorateError } from '../../../src/errors.js';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { encodeBatch } from '../../../src/store/disk/batchFraming.js';
import { encodeRecord } from '../../../src/store/disk/recordFraming.js';
import { encodeHeader } from '../../../src/store/disk/roundFile.js';
import type { JournalRecord, NumberedEvent, SessionStore, Store } from '../../../src/store/store.js';
import { expectRefusal } from '../../support/refusal.js';
import {
  bytesOf,
  checkpointOf,
  gather,
  headerOf,
  nodeEntry,
  noTime,
  rowOf,
  send,
  sessionEntry,
} from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const d = 40;
const keepEvents = 20;
const seeds: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3, old: 4 };
const records: readonly JournalRecord[] = [
  { type: 'node', node: nodeEntry('a') },
  { type: 'session', session: sessionEntry('s', 'running') },
  { type: 'node', node: nodeEntry('a', 2) },
  { type: 'node', node: nodeEntry('b') },
  { type: 'node-removed', id: 'a' },
];

/** What was written, as files by their paths. */
type Image = ReadonlyMap<string, Buffer>;

async function makeImage(isSealed: boolean): Promise<Image> {
  const folder = temporaryFolder();
  const store = await openDiskStore({ folder, keepEvents });
  const session = await store.session('s');
  for (const record of records) await store.record(record);
  for (let i = 1; i <= 12; i++) store.events.append(i, { i });
  await session.writeCheckpoint(checkpointOf(0));
  const old = await session.openRound(headerOf(1, d), noTime);
  await send(old, 'old', rowOf(d, seeds.old!));
  await old.seal(['old']);
  await session.writeCheckpoint(checkpointOf(1));
  await old.close();
  const round = await session.openRound(headerOf(2, d), noTime);
  await send(round, 'a', rowOf(d, seeds.a!));
  const aborted = await round.reserve('b');
  await aborted.write(bytesOf(rowOf(d, 77)));
  await send(round, 'b', rowOf(d, seeds.b!), false);
  await aborted.abort();
  await send(round, 'c', rowOf(d, seeds.c!));
  if (isSealed) await round.seal(['a', 'b']);
  await store.close();
  const names = readdirSync(folder, { recursive: true }).map(String).sort();
  return new Map(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

interface Damaging {
  readonly file: number;
  readonly kind: 'flip' | 'truncate' | 'empty' | 'zero';
  readonly place: number;
  /** Where something is, rather than anywhere: most of a round's file is holes. */
  readonly isAimed: boolean;
  readonly bit: number;
}

const damaging: fc.Arbitrary<Damaging> = fc.record({
  file: fc.nat(),
  kind: fc.constantFrom('flip', 'flip', 'truncate', 'empty', 'zero'),
  place: fc.nat(),
  isAimed: fc.boolean(),
  bit: fc.nat(7),
});

function damage(bytes: Buffer, { kind, place, isAimed, bit }: Damaging): Buffer {
  if (kind === 'empty' || bytes.length === 0) return Buffer.alloc(0);
  const filled = Array.from(bytes.keys()).filter((at) => bytes[at] !== 0);
  const at = isAimed ? filled[place % filled.length]! : place % bytes.length;
  if (kind === 'truncate') return bytes.subarray(0, at);
  const copy = Buffer.from(bytes);
  if (kind === 'flip') copy[at]! ^= 1 << bit;
  else copy.fill(0, at, Math.min(at + 64, copy.length));
  return copy;
}

function writeImage(image: Image, folder: string): void {
  for (const [name, bytes] of image) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

/** Null where it is refused as it may be. */
async function unlessRefused<T>(work: () => Promise<T>, ...codes: string[]): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    expect(codes, error.message).include(error.code);
    return null;
  }
}

/** The journal's state after some of its records: those before what was cut off. */
function expectPrefix(store: Store): void {
  const states = [...records.keys(), records.length].map((count) => {
    const nodes = new Map<string, unknown>();
    const sessions = new Map<string, unknown>();
    for (const record of records.slice(0, count)) {
      if (record.type === 'node') nodes.set(record.node.id, record.node);
      if (record.type === 'node-removed') nodes.delete(record.id);
      if (record.type === 'session') sessions.set(record.session.id, record.session);
    }
    return { nodes: [...nodes.values()], sessions: [...sessions.values()] };
  });
  expect(states).deep.include({ nodes: store.nodes, sessions: store.sessions });
}

function expectEvents(events: readonly NumberedEvent[], first: number): void {
  for (const [k, event] of events.entries()) {
    expect(event).deep.equal({ number: first + k, atMs: first + k, body: { i: first + k } });
  }
}

async function expectCheckpoints(session: SessionStore): Promise<void> {
  for (const round of [0, 1]) {
    const read = await unlessRefused(() => session.readCheckpoint(round), 'CORRUPT_FILE');
    if (read) expect(read).deep.equal(checkpointOf(round));
  }
  for (const { round, createdAtMs } of await session.checkpoints()) expect(createdAtMs).equal(5000 + round);
}

async function expectRows(session: SessionStore, isSealed: boolean): Promise<void> {
  const old = await unlessRefused(() => session.readUpdate(1, 'old'), 'CORRUPT_FILE', 'UNKNOWN_ROUND');
  if (old) expect((await gather(old.bytes)).equals(bytesOf(rowOf(d, seeds.old!)))).true;
  const round = await session.recoverRound();
  if (!round) return;
  expect(round.header).deep.equal(headerOf(2, d));
  expect(round.sealed).deep.equal(isSealed && round.sealed ? ['a', 'b'] : null);
  for (const { node } of round.updates) {
    expect((await gather(round.read(node))).equals(bytesOf(rowOf(d, seeds[node]!)))).true;
  }
  expect(new Set(round.updates.map(({ node }) => node)).size).equal(round.updates.length);
  if (round.sealed) return;
  await send(round, 'new', rowOf(d, 9));
  expect((await gather(round.read('new'))).equals(bytesOf(rowOf(d, 9)))).true;
  const rows = round.rows(round.updates.map(({ node }) => node));
  expect(rows.n).equal(round.updates.length);
}

describe('openDiskStore, of a folder with a damaged file', () => {
  for (const isSealed of [false, true]) {
    it(`reads nothing that was not written, and goes on (${isSealed ? 'sealed' : 'collecting'})`, async () => {
      const image = await makeImage(isSealed);
      const names = [...image.keys()];
      await fc.assert(
        fc.asyncProperty(damaging, async (how) => {
          const folder = temporaryFolder();
          const name = names[how.file % names.length]!;
          writeImage(new Map(image).set(name, damage(image.get(name)!, how)), folder);
          const store = await unlessRefused(() => openDiskStore({ folder, keepEvents }), 'CORRUPT_FILE');
          expect(store !== null || name === 'journal', name).true;
          if (store) await expectWorking(store, folder, name, how, isSealed);
          rmSync(folder, { recursive: true });
        }),
        { seed: 1, numRuns: 100 },
      );
    });
  }

  async function expectWorking(
    store: Store,
    folder: string,
    name: string,
    how: Damaging,
    isSealed: boolean,
  ): Promise<void> {
    const session = await store.session('s');
    if (name === 'journal') expectPrefix(store);
    const { events } = store;
    expectEvents(events.since(0, 100), events.first);
    // Only what is gone without a trace can be numbered again.
    if (how.kind === 'flip') expect(events.last).least(12);
    if (!name.includes('checkpoints')) expect(await session.readCheckpoint()).deep.equal(checkpointOf(1));
    await expectCheckpoints(session);
    await expectRows(session, isSealed);
    const event = events.append(0, { after: true });
    await store.record({ type: 'node', node: nodeEntry('after') });
    await store.close();

    const again = await openDiskStore({ folder, keepEvents });
    expect(again.nodes.map(({ id }) => id)).include('after');
    expect(again.events.last).equal(event.number);
    expect(again.events.since(event.number - 1, 1)).deep.equal([event]);
    await again.close();
  }

  const nonsense: readonly object[] = [
    { d: 0 },
    { d: -4096 },
    { d: 2 ** 50 },
    { d: d + 1 },
    { d: String(d) },
    { d: d + 0.5 },
    { round: '2' },
    { round: 3 },
    { attempt: 0 },
    { asked: [1] },
    { openedAtMs: null },
    { more: true },
  ];
  for (const part of nonsense) {
    it(`sets a round aside whose header says ${JSON.stringify(part)}, however good its checksums`, async () => {
      const folder = temporaryFolder();
      const { bytes } = encodeHeader({ ...headerOf(2, d), ...part });
      const image = new Map(await makeImage(false));
      const name = [...image.keys()].find((other) => other.includes('rounds/000000002'))!;
      image.set(
        name,
        Buffer.concat([bytes, Buffer.alloc(4096 - bytes.length), image.get(name)!.subarray(4096)]),
      );
      writeImage(image, folder);
      const store = await openDiskStore({ folder, keepEvents });
      const session = await store.session('s');
      expect(await session.recoverRound(d)).null;
      expect(store.damages.map(({ file }) => file)).deep.equal([join(folder, name)]);
      expect(statSync(join(folder, `${name}.damaged`)).isFile()).true;
      await send(await session.openRound(headerOf(2, d), noTime), 'a', rowOf(d, 1));
      await store.close();
    });
  }

  it('takes no header for one that has a good checksum and is no JSON', async () => {
    const folder = temporaryFolder();
    const image = new Map(await makeImage(false));
    const name = [...image.keys()].find((other) => other.includes('rounds/000000002'))!;
    const bytes = Buffer.from(image.get(name)!);
    bytes[28] = 0x5b; // of the JSON, a bracket
    bytes.writeUInt32LE(crc32(bytes.subarray(28, 28 + bytes.readUInt32LE(4))), 20);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 24)), 24);
    writeImage(image.set(name, bytes), folder);
    const store = await openDiskStore({ folder, keepEvents });
    expect(await (await store.session('s')).recoverRound()).null;
    expect(store.damages[0]!.message).match(/header/);
    await store.close();
  });

  const handMade: readonly unknown[] = [null, 5, {}, { number: '1' }, { type: 'node', node: null }];
  for (const value of handMade) {
    it(`believes neither journal nor events that say ${JSON.stringify(value)}`, async () => {
      const image = await makeImage(false);
      const add = async (part: string): Promise<string> => {
        const folder = temporaryFolder();
        const name = [...image.keys()].find((other) => other.includes(part))!;
        const before = image.get(name)!;
        const more = part === 'journal' ? encodeBatch([value], 1000, before.length) : encodeRecord(value);
        const bytes = Buffer.concat([before, more]);
        writeImage(new Map(image).set(name, bytes), folder);
        return folder;
      };
      await expectRefusal(
        async () => openDiskStore({ folder: await add('journal'), keepEvents }),
        'CORRUPT_FILE',
      );
      const store = await openDiskStore({ folder: await add('events'), keepEvents });
      expect(store.damages).not.empty;
      for (const { message } of store.damages) expect(message).match(/aside/);
      expect(store.events.append(0, {}).number).greaterThan(12);
      await store.close();
    });
  }

  it('names what it does not read', async () => {
    const image = await makeImage(false);
    const damages = async (part: string, at: (bytes: Buffer) => number): Promise<string[]> => {
      const folder = temporaryFolder();
      const name = [...image.keys()].find((other) => other.includes(part))!;
      const bytes = Buffer.from(image.get(name)!);
      bytes[at(bytes)]! ^= 0x10;
      writeImage(new Map(image).set(name, bytes), folder);
      const store = await openDiskStore({ folder, keepEvents });
      const session = await store.session('s');
      await session.checkpoints();
      await session.recoverRound();
      await store.close();
      for (const { file } of store.damages) expect(file).equal(join(folder, name));
      return store.damages.map(({ message }) => message);
    };
    const round = 'rounds/000000002';
    expect((await damages(round, () => 30))[0]).match(/header/);
    expect((await damages(round, () => 3 * 4096 + 5))[0]).match(
      /slot 0: the update of node 'a' is torn or damaged/,
    );
    expect((await damages(round, (bytes) => bytes.indexOf('"node":"a"')))[0]).match(/slot 0: its record/);
    expect((await damages(round, (bytes) => bytes.indexOf('QUP2')))[0]).match(/slot 0: its record/);
    expect((await damages('checkpoints/000000001', () => 50))[0]).match(/checkpoints\/000000001/);
    expect((await damages('events', () => 50))[0]).match(/damaged at byte/);
    expect(await damages('lock', () => 0)).deep.equal([]);
  });
});
