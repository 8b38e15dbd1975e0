/** Whatever is sent, the server answers as an HTTP server does, never with a fault of its own, and goes on. */
import { expect } from 'chai';
import fc from 'fast-check';
import { routes } from '../../../src/server/routes/routes.js';
import { fuzz, fuzzTimeoutMs, damaged, oddJson, oddValue } from '../../support/fuzzing.js';
import { expectSound, readAnswers } from '../answers.js';
import { closeAll, type Fixture, start, startSession } from '../fixture.js';
import { Raw } from '../raw.js';
import { type Request, validRequests, wire } from '../requests.js';

const RUNS = 150;

/** Sends bytes, then ends; what comes back must be answers, and refusals must say why. */
async function exchange({ port }: Fixture, bytes: Uint8Array): Promise<void> {
  const raw = await Raw.open(port);
  raw.send(bytes);
  raw.socket.end();
  expectSound(readAnswers(await raw.closed()), Buffer.from(bytes).toString('latin1'));
}

const word = fc.oneof(
  fc.constantFrom(
    's',
    'a',
    '1',
    'none',
    '..',
    '%00',
    '%2e%2e',
    '%E0%A4%A',
    '',
    '-1',
    '1e9',
    '__proto__',
    'constructor',
  ),
  fc.string({ maxLength: 12 }).map(encodeURIComponent),
);
const route = fc.constantFrom(...routes.filter(({ operation }) => operation !== 'events'));
const address = fc
  .tuple(
    route,
    fc.array(word, { minLength: 3, maxLength: 3 }),
    fc.array(fc.tuple(word, word), { maxLength: 3 }),
  )
  .map(([{ method, path }, words, query]) => {
    let next = 0;
    const filled = path.replace(/:\w+/g, () => words[next++]!);
    return { method, path: filled, query: query.map(([key, value]) => `${key}=${value}`).join('&') };
  });
const contentType = fc.constantFrom(
  'application/json',
  'application/octet-stream',
  'application/vnd.safetensors',
  'application/vnd.quorate.int8; scale=1e-3',
  'text/plain',
  ';',
  '',
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc
    .constantFrom(
      '{"id":"a"}',
      '{"__proto__":{"id":1}}',
      '[[[[',
      '{"id":"s","pipeline":"krum(f=1)","quorum":1}',
    )
    .map((text) => Buffer.from(text)),
);
const headerName = fc.constantFrom(
  'accept',
  'range',
  'if-range',
  'if-none-match',
  'content-digest',
  'content-encoding',
  'quorate-num-examples',
  'quorate-metrics',
  'authorization',
  'origin',
  'x-request-id',
  'expect',
  'upgrade',
  'connection',
  'transfer-encoding',
  'x-forwarded-for',
  'accept-encoding',
  'cookie',
);
const headerValue = fc.oneof(
  fc.constantFrom(
    '*',
    'bytes=0-',
    'bytes=-1',
    '"x"',
    'sha-256=:AAAA:',
    'gzip',
    'NaN',
    '{}',
    '{"a":1e999}',
    'null',
    'chunked',
    '100-continue',
    'websocket',
    'close',
    'identity;q=0, *;q=0',
  ),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    maxLength: 30,
  }),
);

/** A part of an address or a header that is no such part. */
const oddPart = fc.oneof(
  word,
  headerValue,
  oddValue.map((value) => encodeURIComponent(toText(value))),
);

function toText(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value))
    .replace(/[\ud800-\udfff]/g, '')
    .slice(0, 2000);
}

/** A request that is taken, but for one thing. */
const nearly: fc.Arbitrary<Request> = fc
  .tuple(fc.constantFrom(...validRequests), fc.constantFrom('target', 'header', 'body'), fc.nat(), oddPart)
  .chain(([request, what, at, odd]): fc.Arbitrary<Request> => {
    const { headers, body, target } = request;
    if (what === 'header') {
      const name = headers[at % headers.length]![0];
      return fc.constant({
        ...request,
        headers: headers.map((pair) => (pair[0] === name ? ([name, odd] as const) : pair)),
      });
    }
    if (what === 'body' && body instanceof Uint8Array) {
      return damaged(body).map((bytes) => ({ ...request, body: bytes }));
    }
    if (what === 'body') return oddJson(body ?? {}).map((text) => ({ ...request, body: text }));
    const parts = target.split(/(?<=[/?&=])/);
    const place = at % parts.length;
    const ending = /[/?&=]$/.exec(parts[place]!)?.[0] ?? '';
    return fc.constant({
      ...request,
      target: parts.with(place, `${odd.replace(/[^!-~\x80-\xff]/g, '+')}${ending}`).join(''),
    });
  });

describe('the server', function () {
  this.timeout(fuzzTimeoutMs(RUNS));
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await start({ config: { limits: { bodyStallMs: 200 } } });
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
  });
  afterEach(closeAll);

  /** It answers others, and keeps no connection of those that are gone. */
  const expectAlive = async () => {
    expect((await fixture.call('GET', '/health/ready')).status).equal(200);
  };

  it('answers any request to any route without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(
        address,
        contentType,
        body,
        fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 }),
        async ({ method, path, query }, type, sent, headers) => {
          const target = `${path}${query === '' ? '' : `?${query}`}`;
          const all = [['content-type', type] as const, ...headers];
          await exchange(fixture, wire({ method, target, headers: all, body: sent }));
        },
      ),
      fuzz(RUNS),
    );
    await expectAlive();
  });

  it('answers what is nearly a request that it takes', async () => {
    await fc.assert(
      fc.asyncProperty(nearly, (request) => exchange(fixture, wire(request))),
      fuzz(2 * RUNS),
    );
    await expectAlive();
  });

  it('answers requests whose bytes were damaged, one after the other on a connection', async () => {
    const one = fc.constantFrom(...validRequests).chain((request) => {
      const bytes = wire(request);
      return fc.oneof(fc.constant(bytes), damaged(bytes));
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 3 }), (requests) =>
        exchange(fixture, Buffer.concat(requests)),
      ),
      fuzz(2 * RUNS),
    );
    await expectAlive();
  });

  it('answers any bytes at all without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, isRequest) => {
        const start = isRequest
          ? Buffer.from('PUT /v1/sessions/s/model HTTP/1.1\r\nhost: x\r\n')
          : Buffer.alloc(0);
        await exchange(fixture, Buffer.concat([start, bytes]));
      }),
      fuzz(RUNS),
    );
    await expectAlive();
  });
});
