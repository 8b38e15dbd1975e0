import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { HashThread } from '../../../src/coordinator/ingest/hashThread.js';
import { QuorateError } from '../../../src/errors.js';
import { ports } from '../../support/coordinator/ports.js';
import { random } from '../../support/random.js';

const sha256 = (...chunks: readonly Uint8Array[]): string =>
  chunks.reduce((hash, chunk) => hash.update(chunk), createHash('sha256')).digest('hex');

/** A script for a thread that is not the hash thread. */
const scriptOf = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof QuorateError ? error.code : String(error);
}

describe('the hash thread', () => {
  let thread: HashThread;
  afterEach(() => thread.close());

  it('takes several hashes at once, of chunks of any size', async () => {
    thread = new HashThread();
    const { whole } = random(3);
    const jobs = [0, 1, 2].map(() => ({ hash: thread.begin(), chunks: [] as Uint8Array[] }));
    for (let k = 0; k < 300; k++) {
      const { hash, chunks } = jobs[whole(0, 2)]!;
      const chunk = new Uint8Array(whole(0, 3000)).map(() => whole(0, 255));
      chunks.push(chunk.slice());
      await hash.update(chunk);
    }
    const found = await Promise.all(jobs.map(({ hash }) => hash.hex()));
    expect(found).deep.equal(jobs.map(({ chunks }) => sha256(...chunks)));
    expect(await thread.begin().hex()).equal(sha256());
  });

  it('takes a chunk’s memory, or copies it where it is shared', async () => {
    thread = new HashThread();
    const own = Uint8Array.of(1, 2, 3);
    const shared = Uint8Array.of(4, 5, 6, 7);
    const hash = thread.begin();
    await hash.update(own);
    await hash.update(shared.subarray(1));
    expect([own.length, shared.length]).deep.equal([0, 4]);
    expect(await hash.hex()).equal(sha256(Uint8Array.of(1, 2, 3, 5, 6, 7)));
  });

  it('takes nothing more of what was forgotten', async () => {
    thread = new HashThread();
    const hash = thread.begin();
    await hash.update(Uint8Array.of(1));
    hash.forget();
    const late = Uint8Array.of(2);
    await hash.update(late);
    hash.forget();
    expect(late.length).equal(1);
    expect(await thread.begin().hex()).equal(sha256());
  });

  it('keeps the process alive while something is expected of it, and no longer', async () => {
    thread = new HashThread();
    const before = ports();
    const [answered, forgotten] = [thread.begin(), thread.begin()];
    expect(ports()).equal(before + 1);
    await answered.hex();
    expect(ports()).equal(before + 1);
    forgotten.forget();
    expect(ports()).equal(before);
  });

  it('holds a sender back while it is behind', async () => {
    thread = new HashThread();
    const hash = thread.begin();
    const chunkBytes = 4 * 1_048_576;
    const waits: (void | Promise<void>)[] = [];
    // All in one turn: nothing is heard of the thread meanwhile.
    for (let k = 0; k < 6; k++) waits.push(hash.update(new Uint8Array(chunkBytes).fill(k)));
    expect(waits.map((wait) => wait !== undefined)).deep.equal([false, false, false, false, true, true]);
    for (const wait of waits) await wait;
    await hash.update(Uint8Array.of(6));
    const chunks = [0, 1, 2, 3, 4, 5].map((k) => new Uint8Array(chunkBytes).fill(k));
    expect(await hash.hex()).equal(sha256(...chunks, Uint8Array.of(6)));
  });

  it('lets it go on no sooner than it has caught up', async () => {
    const MiB = 1_048_576;
    thread = new HashThread(
      scriptOf(`
      import { parentPort } from 'node:worker_threads';
      let chunks = 0;
      parentPort.on('message', ({ id, chunk }) => {
        parentPort.postMessage(chunk ? { doneBytes: (chunks++ ? 3 : 1) * ${MiB} } : { id, hex: '' });
      });`),
    );
    const hash = thread.begin();
    let isHeldBack = true;
    const wait = Promise.resolve(hash.update(new Uint8Array(20 * MiB))).then(() => (isHeldBack = false));
    await thread.begin().hex(); // answered after what was said of the chunk
    expect(isHeldBack).equal(true);
    const later = hash.update(new Uint8Array(0));
    await wait;
    await later;
    expect(await hash.hex()).equal('');
  });

  it('refuses what it had when it died', async () => {
    thread = new HashThread(
      scriptOf(
        'import { parentPort } from "node:worker_threads"; parentPort.once("message", () => process.exit(3));',
      ),
    );
    const hash = thread.begin();
    await hash.update(new Uint8Array(1));
    const wait = Promise.resolve(hash.update(new Uint8Array(16 * 1_048_576)));
    expect(await failureOf(wait)).equal('WORKER_FAILED');
    expect(await failureOf(hash.hex())).equal('WORKER_FAILED');
    expect(() => hash.update(Uint8Array.of(1))).throw(QuorateError, /thread/);
    hash.forget();
  });

  it('is started again', async () => {
    thread = new HashThread(
      scriptOf(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ id, chunk }) => {
        if (chunk) throw new Error('broken');
        parentPort.postMessage({ id, hex: 'fresh' });
      });`),
    );
    const hash = thread.begin();
    await hash.update(Uint8Array.of(1));
    expect(await failureOf(hash.hex())).equal('WORKER_FAILED');
    expect(await thread.begin().hex()).equal('fresh');
  });
});
