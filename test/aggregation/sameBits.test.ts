/**
 * One SHA-256 for each case, however it is computed: threads, kinds of source, memory limits, compiled or interpreted
 * networks. Each case's is printed; the browser's tests compare the same cases with these.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import * as quorate from '../../src/index.js';
import { type Case, cases, updatesOf } from '../support/cases.js';

const { aggregate, createEngine, openRows } = quorate;
const mebibytes = (count: number) => count * 2 ** 20;

const engines = {
  'one thread': { threads: 1 },
  'two threads': { threads: 2 },
  'three threads': { threads: 3 },
  'networks interpreted': { threads: 2, compileNetworks: false },
  'little memory': { threads: 2, memoryLimitBytes: mebibytes(16) },
  'little memory, one thread': { threads: 1, memoryLimitBytes: mebibytes(16) },
} as const;

describe('one SHA-256', () => {
  let folder: string;
  const running = new Map<string, quorate.Engine>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-'));
    for (const [name, options] of Object.entries(engines)) running.set(name, createEngine(options));
  });

  after(async () => {
    for (const engine of running.values()) await engine.dispose();
    await rm(folder, { recursive: true });
  });

  /** The digests of one case in every way, by a description of the way. */
  async function allDigests(each: Case): Promise<Map<string, string | undefined>> {
    const { n, d } = each;
    const updates = updatesOf(each);
    const path = join(folder, `${each.seed}.f32`);
    await writeFile(path, Buffer.concat(updates.map((row) => Buffer.from(row.buffer))));
    const file = await openRows(path, { n, d });
    const rule = each.pipeline(quorate);
    const digests = new Map<string, string | undefined>();
    for (const [name, engine] of running) {
      const batch = engine.batch(n, d);
      updates.forEach((row, i) => {
        batch.row(i).set(row);
      });
      for (const [kind, input] of Object.entries({ arrays: updates, batch, file })) {
        const { report } = await aggregate(input, rule, { engine });
        digests.set(`${kind}, ${name}`, report.resultDigest);
      }
      batch.release();
    }
    await file.close();
    return digests;
  }

  for (const each of cases) {
    it(`comes out of ${each.name}, whatever computes it`, async () => {
      const digests = await allDigests(each);
      const [first] = digests.values();
      console.log(`        ${first?.slice(0, 16)} in ${digests.size} ways`);
      for (const [way, digest] of digests) expect(digest, way).equal(first);
    });
  }
});
