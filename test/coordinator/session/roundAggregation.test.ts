import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { type ErrorCode, QuorateError } from '../../../src/errors.js';
import type { SessionEvent } from '../../../src/rounds/state.js';
import { faultyStore, type Write } from '../../support/coordinator/faultyStore.js';
import { gate } from '../../support/coordinator/gate.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import { nodeName, scene, sendAll, SESSION, updateOf } from '../../support/coordinator/scene.js';
import { expectRefusal } from '../../support/refusal.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const d = 20;

/** Of the first value of the first row in the newest round's file. */
function flipFirstBit(folder: string): void {
  const newest = readdirSync(folder).sort().at(-1)!;
  const path = join(folder, newest);
  const bytes = readFileSync(path);
  bytes[3 * 4096]! ^= 1; // behind the header and the pages of the time
  writeFileSync(path, bytes, { flag: 'r+' });
}

describe('the aggregation of a round', () => {
  for (const write of ['seal', 'writeCheckpoint'] as const) {
    for (const code of ['STORE_FULL', 'STORE_FAILED'] as const) {
      it(`waits with its updates while ${write} fails with ${code}`, async () => {
        const clock = new ManualClock();
        let failures = 0;
        const failed = [gate(), gate()];
        let isReady = false;
        const store = faultyStore(async (what: Write) => {
          if (what !== write || !isReady || failures === 2) return;
          failed[failures++]!.open();
          throw new QuorateError(code, 'no');
        });
        const stage = await scene({ store, clock });
        await stage.register(2);
        await stage.begin({ quorum: 2, rounds: 1, retry: { firstMs: 100, attempts: 1 } }, d);
        isReady = true;
        const receipts = await Promise.all([0, 1].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
        for (const [i, { opened }] of failed.entries()) {
          await opened;
          while (clock.nextMs === null || clock.nextMs > clock.now() + 100 * 2 ** i) await setImmediate(); // the loop of events goes on, so that a failure here ends in time
          clock.advance(100 * 2 ** i);
        }
        await stage.committed(1);
        const { updates } = await stage.coordinator.round(SESSION, 1);
        expect(updates.map(({ digest }) => digest)).deep.equal(receipts.map(({ digest }) => digest));
        expect(stage.errors.map((error) => (error as QuorateError).code)).deep.equal([code, code]);
        expect(stage.told('round-failed')).deep.equal([]);
        await stage.coordinator.close();
      });
    }
  }

  it('fails the round where the updates themselves can’t be aggregated', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 1, weighting: { examplesUpTo: 5 }, retry: { firstMs: 100 } }, d);
    const failure = stage.event((body) => body.type === 'round-failed');
    for (const node of [0, 1]) await stage.send(node, 1, updateOf(node, 1, d), { numExamples: 0 });
    expect((await failure).body).deep.include({ code: 'ZERO_WEIGHT', round: 1, attempt: 1 });
    expect((stage.errors as QuorateError[]).map(({ code }): ErrorCode => code)).deep.equal(['ZERO_WEIGHT']);
    clock.advance(100);
    await stage.opened(1, 2);
    for (const node of [0, 1]) await stage.send(node, 1, updateOf(node, 1, d), { numExamples: 2 });
    await stage.committed(1);
    await stage.coordinator.close();
  });

  for (const [kind, sent] of [
    ['an update', 2],
    ['a stale update', 1],
  ] as const) {
    it(`fails the round where ${kind} on disk is not what was acknowledged any more`, async () => {
      const folder = temporaryFolder();
      let isDamaging = false;
      const disk = await openDiskStore({ folder });
      const store = faultyStore(async (write) => {
        if (write === 'seal' && isDamaging) flipFirstBit(join(folder, 'sessions', SESSION, 'rounds'));
      }, disk);
      const clock = new ManualClock();
      const stage = await scene({ store, clock });
      await stage.register(3);
      const mode = { buffered: { bufferSize: 2, maxStaleness: 1 } };
      await stage.begin({ quorum: 2, rounds: 2, mode, retry: { firstMs: 100 } }, d);
      await sendAll(stage, [0, 1], 1, d);
      await stage.committed(1);
      const before = stage.coordinator.session(SESSION).model;
      isDamaging = true;
      const failure = stage.event((body) => body.type === 'round-failed');
      await stage.send(2, sent, updateOf(2, sent, d)); // its row is the first
      await stage.send(0, 2, updateOf(0, 2, d));
      const { body } = await failure;
      expect(body).deep.include({ code: 'CORRUPT_FILE', round: 2, attempt: 1 });
      expect(body.message).contain(nodeName(2));
      expect(stage.coordinator.session(SESSION).model).deep.equal(before);

      isDamaging = false;
      clock.advance(100);
      await stage.opened(2, 2);
      await sendAll(stage, [0, 2], 2, d);
      await stage.committed(2);
      await stage.coordinator.close();
      await disk.close();
    });
  }

  it('is aborted when the session is stopped, and its updates are discarded', async () => {
    const sealing = gate();
    const held = gate();
    const store = faultyStore(async (write) => {
      if (write !== 'seal') return;
      sealing.open();
      await held.opened;
    });
    const ended = gate();
    const onStep = (_session: string, { type }: SessionEvent) => {
      if (type === 'aggregation-failed' || type === 'committed') ended.open();
    };
    const stage = await scene({ store, onStep });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    await Promise.all([0, 1].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
    await sealing.opened;
    await stage.coordinator.stop(SESSION);
    held.open();
    await ended.opened;
    await expectRefusal(() => stage.coordinator.update(SESSION, 1, nodeName(0)), 'UNKNOWN_ROUND');
    await stage.coordinator.close();
    expect(stage.told('round-committed')).deep.equal([]);
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'stopped', committed: 0, round: null });
  });

  it('counts if its checkpoint was being written when the session was stopped', async () => {
    const writing = gate();
    const held = gate();
    let isReady = false;
    const store = faultyStore(async (write) => {
      if (write !== 'writeCheckpoint' || !isReady) return;
      writing.open();
      await held.opened;
    });
    const stage = await scene({ store });
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    isReady = true;
    await Promise.all([0, 1].map((node) => stage.send(node, 1, updateOf(node, 1, d))));
    await writing.opened;
    await stage.coordinator.stop(SESSION);
    held.open();
    await stage.committed(1);
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'stopped', committed: 1, round: null });
    expect((await stage.coordinator.model(SESSION)).round).equal(1);
    await stage.coordinator.close();
  });

  it('announces each update’s line of the report', async () => {
    const stage = await scene();
    await stage.register(4);
    await stage.begin({ quorum: 4, rounds: 1, pipeline: 'krum(f=0)' }, d);
    const updates = [0, 1, 2].map(() => updateOf(1, 1, d));
    await Promise.all(updates.map((update, node) => stage.send(node, 1, update)));
    await stage.send(3, 1, new Float32Array(d).fill(100));
    await stage.committed(1);
    const round = await stage.coordinator.round(SESSION, 1);
    expect(round.updates.at(-1)).deep.include({ node: nodeName(3), used: false, weight: 0 });
    expect(round.updates.at(-1)!.suspicion).above(0.9);
    expect(round.pipeline).contain('krum');
    expect(round.modelDigest).equal(stage.coordinator.session(SESSION).model!.digest);
    const start = await stage.coordinator.model(SESSION, 0);
    expect(round.previousModelDigest).equal(start.digest);
    await stage.coordinator.close();
  });
});
