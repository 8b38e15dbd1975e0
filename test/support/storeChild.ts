/**
 * A process that uses a disk store, to be killed, starved or measured. It tells on stdout what was acknowledged, a JSON
 * line each, written before anything else happens.
 *
 *   node storeChild.js train FOLDER   rounds of 8 updates, checkpoints, records and events, without end
 *   node storeChild.js hold FOLDER    opens the folder and keeps it
 *   node storeChild.js fill FOLDER    updates until the disk is full; then the limit is lifted, and one more
 *   node storeChild.js flood FOLDER   64 updates of a million float32 at once; the memory that took
 */
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { peakMemoryBytes } from '../../bench/peakMemory.js';
import { QuorateError } from '../../src/errors.js';
import { openDiskStore } from '../../src/store/disk/diskStore.js';
import type { RoundStore } from '../../src/store/store.js';
import {
  bytesOf,
  checkpointOf,
  headerOf,
  nodeEntry,
  recordSession,
  noTime,
  rowOf,
  trainSeed,
  updateOf,
} from './storeData.js';

const [mode, folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: storeChild.js MODE FOLDER');
const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const store = await openDiskStore({ folder, keepEvents: 50 });
await recordSession(store, 's');
const session = await store.session('s');

/** In two pieces, so that there is something to interrupt. */
async function send(round: RoundStore, node: string, row: Float32Array): Promise<void> {
  const withDigest = node !== 'n3';
  const slot = await round.reserve(node, withDigest);
  const bytes = bytesOf(row);
  await slot.write(bytes.subarray(0, 1001));
  await slot.write(bytes.subarray(1001));
  await slot.commit(updateOf(node, row, withDigest));
}

async function train(): Promise<never> {
  let number = ((await session.checkpoints()).at(-1)?.round ?? 0) + 1;
  let round = await session.recoverRound();
  for (;;) {
    round ??= await session.openRound(headerOf(number, 30_000), noTime);
    const current = round;
    const there = new Set(current.updates.map(({ node }) => node));
    const missing = Array.from({ length: 8 }, (_, i) => i).filter((i) => !there.has(`n${i}`));
    await Promise.all(
      missing.map(async (i) => {
        await send(current, `n${i}`, rowOf(30_000, trainSeed(number, i)));
        tell({ update: `n${i}`, round: number });
        const event = store.events.append(number, { round: number, node: `n${i}` });
        tell({ event: event.number, round: number, node: `n${i}` });
      }),
    );
    const node = nodeEntry(`node-${number}`);
    await store.record({ type: 'node', node });
    tell({ record: node.id });
    await current.seal(current.updates.map((update) => update.node));
    await session.writeCheckpoint(checkpointOf(number));
    tell({ committed: number });
    await current.close();
    round = null;
    number++;
  }
}

async function fill(): Promise<void> {
  const round = await session.openRound(headerOf(1, 50_000), noTime);
  for (let i = 0; ; i++) {
    try {
      await send(round, `n${i}`, rowOf(50_000, i));
      tell({ update: `n${i}` });
    } catch (error) {
      tell({ refused: `n${i}`, code: error instanceof QuorateError ? error.code : String(error) });
      break;
    }
  }
  spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
  await send(round, 'more', rowOf(50_000, 1000));
  tell({ update: 'more' });
  await store.close();
}

async function flood(): Promise<void> {
  const d = 1_000_000;
  const round = await session.openRound(headerOf(1, d), noTime);
  const piece = bytesOf(rowOf(16_384, 1));
  const before = process.memoryUsage().rss;
  await Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      const slot = await round.reserve(`n${i}`);
      for (let left = d * 4; left > 0; left -= piece.length) await slot.write(piece.subarray(0, left));
      await slot.commit({ ...updateOf(`n${i}`, new Float32Array(0)), digest: null });
    }),
  );
  const rows = round.rows(round.updates.map(({ node }) => node));
  const tile = new Float32Array(1024);
  for (let row = 0; row < rows.n; row++) await rows.read(row, 999_000 - row, tile.subarray(0, 1000));
  tell({ stored: round.updates.length, grownBytes: peakMemoryBytes() - before });
  await store.close();
}

if (mode === 'train') await train();
if (mode === 'fill') await fill();
if (mode === 'flood') await flood();
if (mode === 'hold') {
  tell({ opened: process.pid });
  process.stdin.resume();
}
