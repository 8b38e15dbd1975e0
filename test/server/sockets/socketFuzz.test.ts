/** Event sockets, whatever handshakes and frames come: the server says what is wrong, ends what it must, and goes on. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { damaged, fuzz, fuzzTimeoutMs } from '../../support/fuzzing.js';
import { expectSound, readAnswers } from '../answers.js';
import { closeAll, type Fixture, start, startSession } from '../fixture.js';
import { Raw } from '../raw.js';
import { validRequests, wire } from '../requests.js';

const RUNS = 150;
const handshake = validRequests.find(({ target }) => target.startsWith('/v1/events'))!;

/** A frame as RFC 6455 has it, or nearly: each part says what it likes. */
const frame = fc
  .record({
    first: fc.oneof(fc.nat(255), fc.constantFrom(0x81, 0x82, 0x88, 0x89, 0x8a, 0x01, 0x00, 0x80)),
    isMasked: fc.oneof(
      { weight: 4, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    lengthAs: fc.constantFrom(7, 7, 16, 64),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(1, 125, 126, 1024, 1025, 70_000).map((length) => new Uint8Array(length).fill(65)),
      fc
        .constantFrom([3, 232], [0, 1], [3, 237], [19, 136, 0xff], [3])
        .map((bytes) => Uint8Array.from(bytes)),
    ),
    lie: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0n) },
      { weight: 1, arbitrary: fc.constantFrom(1n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n) },
    ),
  })
  .map(({ first, isMasked, lengthAs, payload, lie }) => {
    const length = BigInt.asUintN(64, BigInt(payload.length) + lie);
    const head = Buffer.alloc(lengthAs === 7 ? 2 : lengthAs === 16 ? 4 : 10);
    head[0] = first;
    if (lengthAs === 7) head[1] = Number(length & 127n);
    else if (lengthAs === 16) head.writeUInt16BE(Number(length & 0xffffn), 2);
    else head.writeBigUInt64BE(length, 2);
    if (lengthAs !== 7) head[1] = lengthAs === 16 ? 126 : 127;
    if (!isMasked) return Buffer.concat([head, payload]);
    head[1]! |= 128;
    const mask = [1, 2, 3, 4];
    return Buffer.concat([head, Buffer.from(mask), payload.map((byte, k) => byte ^ mask[k % 4]!)]);
  });

/** The server's own frames: unmasked, whole; what it said when it closed. */
function closeCodeOf(bytes: Buffer): number | null {
  for (let at = 0; at < bytes.length;) {
    const opcode = bytes[at]! & 15;
    expect([1, 8, 9, 10], `opcode ${opcode}`).include(opcode);
    expect(bytes[at]! & 0x70).equal(0);
    expect(bytes[at + 1]! & 128).equal(0);
    const short = bytes[at + 1]! & 127;
    expect(short).lessThan(127);
    const start = at + (short === 126 ? 4 : 2);
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    expect(start + length, 'a frame broke off').most(bytes.length);
    const payload = bytes.subarray(start, start + length);
    if (opcode === 1) JSON.parse(payload.toString());
    if (opcode === 8) return length >= 2 ? payload.readUInt16BE(0) : 1005;
    at = start + length;
  }
  return null;
}

describe('the event sockets', function () {
  this.timeout(fuzzTimeoutMs(RUNS));
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await start();
    await startSession(fixture, ['a'], { quorum: 1 });
  });
  afterEach(closeAll);

  const send = async (bytes: Uint8Array): Promise<string> => {
    const raw = await Raw.open(fixture.port);
    raw.send(bytes);
    raw.socket.end();
    return raw.closed();
  };
  /** None of them is left behind. */
  const expectAlive = async () => {
    expect(await fixture.get('/v1/status')).include({ sockets: 0 });
  };

  it('answer every handshake, opened or refused', async () => {
    await fc.assert(
      fc.asyncProperty(damaged(wire(handshake)), async (bytes) => {
        expectSound(readAnswers(await send(bytes)), bytes.toString('latin1'));
      }),
      fuzz(2 * RUNS),
    );
    await expectAlive();
  });

  it('end with a code, whatever frames come', async () => {
    const frames = fc.oneof(
      fc.array(frame, { minLength: 1, maxLength: 4 }).map((all) => Buffer.concat(all)),
      fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    );
    const codes = new Set<number | null>();
    await fc.assert(
      fc.asyncProperty(frames, async (bytes) => {
        const { status, body } = readAnswers(await send(Buffer.concat([wire(handshake), bytes])))[0]!;
        expect(status).equal(101);
        const code = closeCodeOf(Buffer.from(body, 'latin1'));
        expect([null, 1000, 1002, 1003, 1005, 1006, 1007, 1009, 5000], String(code)).include(code);
        codes.add(code);
      }),
      fuzz(2 * RUNS),
    );
    // Malformed, not for here, too long: each was there.
    expect([...codes]).include.members([1002, 1003, 1009]);
    await expectAlive();
  });

  const refused = [
    ['no HTTP', Buffer.from('garbage\r\n\r\n')],
    ['no handshake', wire({ ...handshake, headers: [...handshake.headers, ['sec-websocket-key', 'short']] })],
    ['a handshake to elsewhere', wire({ ...handshake, target: '/v1/status' })],
  ] as const;
  for (const [what, bytes] of refused) {
    it(`don't wait for a refused client (${what})`, async () => {
      // The other side never closes, though it was told to.
      const socket = connect({ port: fixture.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => undefined);
      socket.write(bytes);
      socket.resume();
      await once(socket, 'end');
      const closed = new Promise<void>((resolve) => {
        socket.once('close', () => {
          resolve();
        });
      });
      const knocking = setInterval(() => socket.write('x'), 5).unref();
      await closed;
      clearInterval(knocking);
      await expectAlive();
    });
  }
});
