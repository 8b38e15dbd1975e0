/** What is read of a journal with lost pages: what was acknowledged is never passed over, and no more is refused. */
import { expect } from 'chai';
import fc from 'fast-check';
import { BLOCK_BYTES, CHUNK_HEAD_BYTES, encodeBatch } from '../../../src/store/disk/batchFraming.js';
import { readJournalFile, refuseTail } from '../../../src/store/disk/journalFile.js';
import { bytesAsFile } from '../../support/bytesAsFile.js';
import { expectRefusal } from '../../support/refusal.js';
import { nodeEntry } from '../../support/storeData.js';

const opening = { format: 'quorate-journal', version: 2 };

interface Journal {
  readonly bytes: Buffer;
  /** Where each batch ends. */
  readonly ends: readonly number[];
}

/** @param sizes of the notes in each batch's record */
function journalOf(sizes: readonly number[]): Journal {
  let bytes = Buffer.alloc(0);
  const ends = [];
  for (const [i, size] of sizes.entries()) {
    const node = { ...nodeEntry(`n${i}`), capabilities: { notes: '€'.repeat(size) } };
    const records = [...(i === 0 ? [opening] : []), { type: 'node', node }];
    bytes = Buffer.concat([bytes, encodeBatch(records, i + 1, bytes.length)]);
    ends.push(bytes.length);
  }
  return { bytes, ends };
}

/** How many of the batches are read; the opening throws where it must fail. */
async function readCount(bytes: Buffer, pieceBytes?: number): Promise<number> {
  const contents = await readJournalFile(bytesAsFile(bytes), 'journal', pieceBytes);
  if (contents!.tail) refuseTail('journal', contents!.tail);
  expect([...contents!.state.nodes.keys()]).deep.equal(
    Array.from({ length: contents!.number }, (_, i) => `n${i}`),
  );
  return contents!.number;
}

/** With a page as it was before bytes from `from` on were written. */
function withoutPage(bytes: Buffer, page: number, from: number): Buffer {
  const copy = Buffer.from(bytes);
  const end = Math.min(copy.length, (page + 1) * BLOCK_BYTES);
  return copy.fill(0, Math.min(end, Math.max(from, page * BLOCK_BYTES)), end);
}

const sizes = fc.array(fc.oneof(fc.nat(60), fc.nat(6000)), { minLength: 2, maxLength: 8 });

describe('readJournalFile', () => {
  it('reads in pieces of any size', async () => {
    const { bytes, ends } = journalOf([10, 1300, 20, 4000, 5, 1290, 1]);
    for (const pieceBytes of [1, 7, CHUNK_HEAD_BYTES, 4095, 4096, 4097, 8192, 10_000, 2 ** 20]) {
      let most = 0;
      const files = bytesAsFile(bytes, (count) => (most = Math.max(most, count)));
      const contents = await readJournalFile(files, 'journal', pieceBytes);
      expect(contents).deep.include({ end: bytes.length, number: 7, tail: null });
      expect(contents!.state.nodes.get('n3')!.capabilities).deep.equal({ notes: '€'.repeat(4000) });
      expect(most).most(pieceBytes);
    }
    // Whatever the place of a batch's end in its block.
    for (let size = 1300; size < 1330; size++) {
      expect(await readCount(journalOf([size, 3, 1]).bytes, 4096)).equal(3);
      expect(await readCount(journalOf([1, size, 1, 1]).bytes, 4096)).equal(4);
    }
    expect(ends).length(7);
  });

  it('forgives what is lost of the last batch, whichever of its pages that are', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.array(fc.boolean(), { minLength: 12 }), fc.nat(), async (all, lost, cut) => {
        const { bytes, ends } = journalOf(all);
        const start = ends.at(-2)!;
        let damaged = bytes;
        for (
          let page = Math.floor(start / BLOCK_BYTES), i = 0;
          page * BLOCK_BYTES < bytes.length;
          page++, i++
        ) {
          if (lost[i % lost.length]) damaged = withoutPage(damaged, page, start);
        }
        // Its length may be that of before, that of after, or any between, and beyond, where zeros are.
        const length = start + (cut % (bytes.length - start + 5000));
        const cutOff = Buffer.concat([
          damaged.subarray(0, length),
          Buffer.alloc(Math.max(0, length - bytes.length)),
        ]);
        for (const file of [damaged, cutOff]) {
          const isWhole = file.length >= bytes.length && file.subarray(0, bytes.length).equals(bytes);
          expect(await readCount(file)).equal(isWhole ? all.length : all.length - 1);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('refuses what is lost of an earlier batch as long as anything of a later one is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.nat(),
        fc.array(fc.boolean(), { minLength: 12 }),
        async (all, which, lost) => {
          const { bytes, ends } = journalOf(all);
          const start = ends.at(-2)!;
          const page = which % (Math.floor((start - 1) / BLOCK_BYTES) + 1);
          let damaged = withoutPage(bytes, page, 0);
          for (let other = page + 1, i = 0; other * BLOCK_BYTES < bytes.length; other++, i++) {
            if (lost[i % lost.length]) damaged = withoutPage(damaged, other, start);
          }
          const begun = [0, ...ends].findLast((end) => end <= page * BLOCK_BYTES)!;
          const next = ends.find((end) => end > begun)!;
          // Of the batch that the page belongs to there may be nothing behind: then it may have been the last.
          const isShown = ends.some(
            (end, i) => i > 0 && ends[i - 1]! >= next && hasChunk(damaged, ends[i - 1]!, end),
          );
          if (begun === 0 || isShown) await expectRefusal(() => readCount(damaged), 'CORRUPT_FILE');
          else expect(await readCount(damaged)).equal(ends.indexOf(next));
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });

  /** Whether the bytes between have the beginning of a chunk that was not lost. */
  function hasChunk(bytes: Buffer, from: number, to: number): boolean {
    return bytes.subarray(from, to).includes('QJB2');
  }

  it('judges a change of any byte by what follows it', async () => {
    const { bytes, ends } = journalOf([3, 5, 1400, 2, 6]);
    for (let at = 0; at < bytes.length; at += at > 400 && at < 4000 ? 97 : 1) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x21;
      const isPadding = bytes[at] === 0 && (await readAll(damaged)) === 5;
      if (isPadding) continue;
      if (at < ends.at(-2)!) await expectRefusal(() => readCount(damaged), 'CORRUPT_FILE');
      else expect(await readCount(damaged), String(at)).equal(4);
    }
  });

  const readAll = (bytes: Buffer): Promise<number> => readCount(bytes).catch(() => -1);

  it('cuts at any length to the batches before', async () => {
    const { bytes, ends } = journalOf([3, 5, 1400, 2, 6]);
    for (
      let length = ends[0]!;
      length < bytes.length;
      length += length % 4096 < 300 || length > 4500 ? 1 : 13
    ) {
      const contents = await readJournalFile(bytesAsFile(bytes.subarray(0, length)), 'journal');
      const whole = ends.filter((end) => end <= length).length;
      expect(contents!.number, String(length)).equal(whole);
      if (ends.includes(length)) expect(contents!.tail).null;
      else expect(contents!.tail).deep.include({ start: ends[whole - 1] });
      if (!ends.includes(length)) expect(contents!.tail!.kind, String(length)).equal('torn');
    }
  });

  it('says which version it is that can’t be read, and what is no journal', async () => {
    const message = async (bytes: Buffer): Promise<string> =>
      (await expectRefusal(() => readJournalFile(bytesAsFile(bytes), 'journal'), 'CORRUPT_FILE')).message;
    const older = Buffer.from('............{"format":"quorate-journal","version":1}');
    expect(await message(older)).match(/version 1; version 2 can be read/);
    expect(await message(Buffer.alloc(0))).match(/empty/);
    expect(await message(Buffer.from('hello'))).match(/no journal/);
    expect(await message(encodeBatch([{ format: 'quorate-journal', version: 3 }], 1, 0))).match(
      /"version":3/,
    );
  });

  it('refuses what no crash leaves: a batch of a number that was there, or of another place', async () => {
    const { bytes } = journalOf([3, 5]);
    const records = [{ type: 'node-removed', id: 'n0' }];
    for (const more of [encodeBatch(records, 2, bytes.length), encodeBatch(records, 9, bytes.length - 40)]) {
      await expectRefusal(() => readCount(Buffer.concat([bytes, more])), 'CORRUPT_FILE');
    }
    expect(
      (await readJournalFile(
        bytesAsFile(Buffer.concat([bytes, encodeBatch(records, 2 ** 53 - 1, bytes.length)])),
        'journal',
      ))!.number,
    ).equal(2 ** 53 - 1);
  });
});
