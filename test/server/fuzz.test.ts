/** Whatever is sent, the server answers as an HTTP server does, never with a fault of its own, and goes on. */
import { expect } from 'chai';
import fc from 'fast-check';
import { routes } from '../../src/server/routes/routes.js';
import { closeAll, type Fixture, start, startSession } from './fixture.js';
import { Raw } from './raw.js';

const runs = { seed: 20_260_101, numRuns: 150 };

/** Sends bytes, then ends; the statuses that come back. */
async function exchange({ port }: Fixture, bytes: Uint8Array | string): Promise<number[]> {
  const raw = await Raw.open(port);
  raw.send(bytes);
  raw.socket.end();
  const text = await raw.closed();
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

const expectNoFault = (statuses: readonly number[], what: unknown) => {
  for (const status of statuses) expect(status, JSON.stringify(what)).lessThan(500);
};

const word = fc.oneof(
  fc.constantFrom('s', 'a', '1', 'none', '..', '%00', '%2e%2e', '%E0%A4%A', '', '-1', '1e9', '__proto__', 'constructor'),
  fc.string({ maxLength: 12 }).map(encodeURIComponent),
);
const route = fc.constantFrom(...routes.filter(({ operation }) => operation !== 'events'));
const address = fc
  .tuple(route, fc.array(word, { minLength: 3, maxLength: 3 }), fc.array(fc.tuple(word, word), { maxLength: 3 }))
  .map(([{ method, path }, words, query]) => {
    let next = 0;
    const filled = path.replace(/:\w+/g, () => words[next++]);
    return { method, path: filled, query: query.map(([key, value]) => `${key}=${value}`).join('&') };
  });
const contentType = fc.constantFrom('application/json', 'application/octet-stream', 'application/vnd.safetensors', 'application/vnd.quorate.int8; scale=1e-3', 'text/plain', ';', '');
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc.constantFrom('{"id":"a"}', '{"__proto__":{"id":1}}', '[[[[', '{"id":"s","pipeline":"krum(f=1)","quorum":1}').map((text) => Buffer.from(text)),
);
const headerName = fc.constantFrom('accept', 'range', 'if-range', 'if-none-match', 'content-digest', 'content-encoding', 'quorate-num-examples', 'quorate-metrics', 'authorization', 'origin', 'x-request-id', 'expect', 'upgrade', 'connection', 'transfer-encoding', 'x-forwarded-for', 'accept-encoding', 'cookie');
const headerValue = fc.oneof(
  fc.constantFrom('*', 'bytes=0-', 'bytes=-1', '"x"', 'sha-256=:AAAA:', 'gzip', 'NaN', '{}', '{"a":1e999}', 'null', 'chunked', '100-continue', 'websocket', 'close', 'identity;q=0, *;q=0'),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f).map((code) => String.fromCharCode(code)), maxLength: 30 }),
);

describe('the server', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await start({ config: { limits: { bodyStallMs: 200 } } });
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
  });
  afterEach(closeAll);

  it('answers any request to any route without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(address, contentType, body, fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 }), async (to, type, sent, headers) => {
        const lines = [
          `${to.method} ${to.path}${to.query === '' ? '' : `?${to.query}`} HTTP/1.1`,
          'host: x',
          `content-type: ${type}`,
          ...headers.map(([name, value]) => `${name}: ${value}`),
          ...(headers.some(([name]) => name === 'transfer-encoding') ? [] : [`content-length: ${sent.length}`]),
        ];
        const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
        expectNoFault(await exchange(fixture, Buffer.concat([head, sent])), lines);
      }),
      runs,
    );
    expect((await fixture.call('GET', '/health/ready')).status).equal(200);
  });

  it('answers any bytes at all without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, isRequest) => {
        const start = isRequest ? Buffer.from('PUT /v1/sessions/s/model HTTP/1.1\r\nhost: x\r\n') : Buffer.alloc(0);
        expectNoFault(await exchange(fixture, Buffer.concat([start, bytes])), [...bytes]);
      }),
      runs,
    );
    expect((await fixture.call('GET', '/health/ready')).status).equal(200);
  });

  it('ends or keeps an event socket, whatever frames come', async () => {
    const upgrade = 'GET /v1/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const raw = await Raw.open(fixture.port);
        raw.send(upgrade);
        await raw.until(/"hello"/);
        raw.send(bytes);
        raw.socket.end();
        await raw.closed();
      }),
      runs,
    );
    expect((await fixture.call('GET', '/health/ready')).status).equal(200);
    const raw = await Raw.open(fixture.port);
    raw.send(upgrade.replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'));
    expect(await raw.closed()).match(/^HTTP\/1\.1 400 /);
  });
});

