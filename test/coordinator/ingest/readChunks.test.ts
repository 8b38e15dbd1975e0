import { getEventListeners, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { readChunks } from '../../../src/coordinator/ingest/readChunks.js';
import { QuorateError } from '../../../src/errors.js';
import { gate } from '../../support/coordinator/gate.js';
import { expectRefusal } from '../../support/refusal.js';

const never = new AbortController().signal;
const closing = () => new QuorateError('SHUTTING_DOWN', 'closing');
const bytes = (...values: number[]) => Uint8Array.from(values);

/** The body of a request, in chunks as they are written. */
const body = () => new PassThrough({ readableHighWaterMark: 1, writableHighWaterMark: 1 });

describe('readChunks', () => {
  for (const [what, make] of Object.entries({
    'a stream': (chunks: Uint8Array[]) => Readable.from(chunks),
    'an iterable': async function* (chunks: Uint8Array[]) {
      yield* await Promise.resolve(chunks);
    },
  })) {
    it(`hands on the chunks of ${what}, in order, to its end`, async () => {
      const taken: number[][] = [];
      await readChunks(
        make([bytes(1, 2), bytes(3), bytes(4, 5)]),
        (chunk) => void taken.push([...chunk]),
        never,
      );
      expect(taken).deep.equal([[1, 2], [3], [4, 5]]);
    });

    it(`hands on no chunk of ${what} before the one before is done with`, async () => {
      let busy = 0;
      let count = 0;
      await readChunks(
        make([bytes(1), bytes(2), bytes(3)]),
        async () => {
          expect(++busy).equal(1);
          await new Promise(setImmediate);
          busy--;
          count++;
        },
        never,
      );
      expect(count).equal(3);
    });
  }

  it('throws what the last chunk is refused with, though the stream has ended by then', async () => {
    const refuse = async (): Promise<void> => {
      await new Promise(setImmediate);
      throw new QuorateError('STORE_FULL', 'no room');
    };
    await expectRefusal(() => readChunks(Readable.from([bytes(1)]), refuse, never), 'STORE_FULL');
  });

  it('holds a fast sender back', async () => {
    const stream = body();
    const taken = gate();
    const goOn = gate();
    const reading = readChunks(stream, () => (taken.open(), goOn.opened), never);
    stream.write(bytes(1));
    await taken.opened;
    let free = true;
    for (let i = 0; i < 10; i++) free = stream.write(bytes(2));
    await new Promise(setImmediate);
    expect(free).equal(false);
    expect(stream.writableNeedDrain).equal(true);
    goOn.open();
    await once(stream, 'drain');
    stream.end();
    await reading;
  });

  it('throws INCOMPLETE_UPLOAD with the cause if the sender disconnects, and passes a more precise error on', async () => {
    for (const [cause, code] of [
      [new Error('connection reset'), 'INCOMPLETE_UPLOAD'],
      [new QuorateError('BAD_DIGEST', 'another body'), 'BAD_DIGEST'],
      [undefined, 'INCOMPLETE_UPLOAD'],
    ] as const) {
      const stream = body();
      const reading = expectRefusal(() => readChunks(stream, () => undefined, never), code);
      stream.write(bytes(1));
      await new Promise(setImmediate);
      stream.destroy(cause);
      const error = await reading;
      if (cause && code === 'INCOMPLETE_UPLOAD') expect(error.cause).equal(cause);
    }
    const gone = body();
    gone.destroy();
    await once(gone, 'close');
    await expectRefusal(() => readChunks(gone, () => undefined, never), 'INCOMPLETE_UPLOAD');
  });

  it('leaves an aborted stream open and unread, without listeners', async () => {
    for (const way of ['aborted', 'aborted while a chunk is taken', 'thrown', 'rejected'] as const) {
      const stream = body();
      const listeners = stream.eventNames().map((name) => [name, stream.listenerCount(name)]);
      const giveUp = new AbortController();
      const taken = gate();
      const held = gate();
      let count = 0;
      const take = (): void | Promise<void> => {
        count++;
        taken.open();
        if (way === 'aborted') return;
        if (way === 'thrown') throw closing();
        return way === 'rejected' ? Promise.reject(closing()) : held.opened;
      };
      const reading = expectRefusal(() => readChunks(stream, take, giveUp.signal), 'SHUTTING_DOWN');
      stream.write(bytes(1));
      await taken.opened;
      giveUp.abort(closing());
      await reading;
      held.open();
      stream.write(bytes(2));
      await new Promise(setImmediate);
      expect(count, way).equal(1);
      expect(getEventListeners(giveUp.signal, 'abort')).deep.equal([]);
      expect(stream.isPaused(), way).equal(true);
      expect(stream.destroyed, way).equal(false);
      expect(stream.eventNames().map((name) => [name, stream.listenerCount(name)])).deep.equal(listeners);
    }
  });

  it('reads nothing if its signal is already aborted', async () => {
    const unread: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => expect.fail('it was read') }),
    };
    for (const source of [unread, Readable.from([bytes(1)])]) {
      await expectRefusal(
        () => readChunks(source, () => expect.fail('a chunk was taken'), AbortSignal.abort(closing())),
        'SHUTTING_DOWN',
      );
    }
  });

  it('ends an aborted iterable, and ignores its later errors', async () => {
    const giveUp = new AbortController();
    const ended = gate();
    const chunks: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          ended.open();
          return Promise.reject(new Error('too late'));
        },
      }),
    };
    const reading = expectRefusal(() => readChunks(chunks, () => undefined, giveUp.signal), 'SHUTTING_DOWN');
    await new Promise(setImmediate);
    giveUp.abort(closing());
    await reading;
    await ended.opened;
    await new Promise(setImmediate); // an error that nobody hears would end the process now
  });
});
