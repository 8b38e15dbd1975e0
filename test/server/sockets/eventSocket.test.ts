import { once } from 'node:events';
import { expect } from 'chai';
import WebSocket from 'ws';
import { memoryStore } from '../../../src/store/memory/memoryStore.js';
import type { Coordinator } from '../../../src/coordinator/coordinator.js';
import type { NumberedEvent } from '../../../src/store/store.js';
import {
  ADMIN,
  closeAll,
  committed,
  ENROLLMENT,
  FLAT,
  type Fixture,
  sessionConfig,
  start,
  startSession,
  updatePath,
  vector,
} from '../fixture.js';
import { Raw } from '../raw.js';
import { Reader } from '../reader.js';

const open: Reader[] = [];
const read = (fixture: Fixture, query = '', options = {}): Reader => {
  const reader = new Reader(`${fixture.url}/v1/events${query}`, options);
  open.push(reader);
  return reader;
};

/** The status and code that an upgrade is refused with. */
async function refused(reader: Reader): Promise<[number, string]> {
  const [, response] = (await once(reader.socket, 'unexpected-response')) as [
    unknown,
    NodeJS.ReadableStream & { statusCode: number },
  ];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return [response.statusCode, (JSON.parse(text) as { code: string }).code];
}

/** A coordinator whose log has many events, and takes more at call. */
function talkative(
  count: number,
  size = 0,
): { wrap: (real: Coordinator) => Coordinator; tell: (more: number) => void } {
  const all: NumberedEvent[] = [];
  const listeners = new Set<(event: NumberedEvent) => void>();
  const tell = (more: number) => {
    for (let i = 0; i < more; i++) {
      const event = {
        number: all.length + 1,
        atMs: 0,
        body: { type: 'note', session: 's', text: 'x'.repeat(size) },
      };
      all.push(event);
      for (const listener of listeners) listener(event);
    }
  };
  tell(count);
  const events: Coordinator['events'] = {
    get first() {
      return 1;
    },
    get last() {
      return all.length;
    },
    since: (number, limit) => all.slice(number, number + limit),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return { tell, wrap: (real) => Object.create(real, { events: { value: events } }) as Coordinator };
}

describe('WS /v1/events', () => {
  afterEach(async () => {
    for (const { socket } of open.splice(0)) socket.terminate();
    await closeAll();
  });

  it('sends a hello, then events as they happen', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const before = fixture.coordinator.events.last;
    const reader = await read(fixture).until(({ length }) => length > 0);
    expect(reader.messages[0]).include({
      type: 'hello',
      first: fixture.coordinator.events.first,
      last: before,
    });
    for (const node of ['a', 'b'])
      await fixture.call('PUT', updatePath(node), { headers: FLAT, body: vector(1) });
    await reader.until((messages) => messages.some(({ type }) => type === 'round-committed'));
    const told = reader.messages.slice(1);
    expect(told[0]!.number).equal(before + 1);
    expect(told.map(({ number }) => number)).deep.equal(told.map((_, i) => before + 1 + i));
    const accepted = told.filter(({ type }) => type === 'update-accepted');
    expect(accepted.map(({ node }) => node)).deep.equal(['a', 'b']);
    expect(accepted[0]).include({ session: 's', round: 1, accepted: 1 });
    expect(accepted[0]!.atMs).a('number');
  });

  it('resumes where the reader stopped, across a restart as well', async () => {
    const store = memoryStore();
    // The store outlives the first coordinator.
    const first = await start({ store: { ...store, events: store.events, close: async () => undefined } });
    await startSession(first, ['a', 'b'], { quorum: 2 });
    const whole = await read(first, '?since=0').until(({ length }) => length > first.coordinator.events.last);
    const numbers = whole.numbers;
    expect(numbers).deep.equal(numbers.map((_, i) => i + 1));
    const stopped = whole.closed();
    await first.server.close();
    expect(await stopped).equal(1001);
    await first.coordinator.close();
    const seen = whole.messages[whole.messages.length - 1]!.number;
    const missed = store.events.last - seen;

    const second = await start({ store });
    await second.coordinator.createSession(sessionConfig({ id: 'more' }));
    await second.coordinator.deleteSession('more');
    const resumed = await read(second, `?since=${seen}`).until(
      ({ length }) => length > second.coordinator.events.last - seen,
    );
    expect(resumed.numbers).deep.equal(resumed.numbers.map((_, i) => seen + 1 + i));
    expect(resumed.numbers.length).greaterThan(missed);
  });

  it('sends a long backlog by pages and loses nothing that happens meanwhile', async () => {
    const { wrap, tell } = talkative(5000);
    const fixture = await start({ wrap });
    const reader = read(fixture, '?since=10');
    await reader.until(({ length }) => length > 100);
    tell(1000);
    await reader.until(({ length }) => length > 5990);
    expect(reader.numbers).deep.equal(Array.from({ length: 5990 }, (_, i) => 11 + i));
  });

  it('sends the events of one session only, on request', async () => {
    const fixture = await start();
    await startSession(fixture, ['a'], {});
    await startSession(fixture, ['b'], { id: 'other' });
    const reader = read(fixture, '?since=0&session=other');
    await fixture.call('PUT', updatePath('a'), { headers: FLAT, body: vector(1) });
    await fixture.call('PUT', updatePath('b', 1, 'other'), { headers: FLAT, body: vector(1) });
    await reader.until((messages) => messages.some(({ type }) => type === 'round-committed'));
    expect(new Set(reader.messages.slice(1).map(({ session }) => session))).deep.equal(new Set(['other']));
    expect(await refused(read(fixture, '?session=none'))).deep.equal([404, 'UNKNOWN_SESSION']);
  });

  it('sends events of the requested types only, from the backlog and live', async () => {
    const fixture = await start();
    await startSession(fixture, ['a']);
    const since = read(fixture, '?since=0&types=round-opened,round-committed');
    const fresh = read(fixture, '?types=round-committed');
    await fresh.until((messages) => messages.length === 1);
    await fixture.call('PUT', updatePath('a'), { headers: FLAT, body: vector(1) });
    for (const reader of [since, fresh]) {
      await reader.until((messages) => messages.some(({ type }) => type === 'round-committed'));
    }
    const types = since.messages.slice(1).map(({ type }) => type);
    expect(types.slice(0, 2)).deep.equal(['round-opened', 'round-committed']);
    expect(fresh.messages[1]!.type).equal('round-committed');
    expect(await refused(read(fixture, '?types=,'))).deep.equal([400, 'INVALID_PARAMETER']);
  });

  it('disconnects a reader that stops reading, and no other', async () => {
    const { wrap, tell } = talkative(0, 10_000);
    const fixture = await start({ wrap, config: { limits: { socketBufferBytes: 100_000 } } });
    const stalled = await read(fixture).until(({ length }) => length > 0);
    const lively = await read(fixture).until(({ length }) => length > 0);
    stalled.socket.pause();
    let told = 0;
    while ((await fixture.get<{ sockets: number }>('/v1/status')).sockets === 2 && told < 20_000) {
      tell(10);
      told += 10;
      await lively.until(({ length }) => length > told);
    }
    expect((await fixture.get<{ sockets: number }>('/v1/status')).sockets).equal(1);
    expect(lively.numbers.length).equal(told);
  });

  it('waits for a slow reader of the backlog instead of buffering all of it', async () => {
    const { wrap } = talkative(4000, 10_000);
    const fixture = await start({ wrap, config: { limits: { socketBufferBytes: 100_000 } } });
    const reader = await read(fixture, '?since=0').until(({ length }) => length > 0);
    reader.socket.pause();
    await fixture.get('/v1/status');
    reader.socket.resume();
    await reader.until(({ length }) => length > 4000);
    expect(reader.numbers).deep.equal(Array.from({ length: 4000 }, (_, i) => i + 1));
  });

  it('closes sockets whose peer does not answer pings', async () => {
    const fixture = await start({ config: { limits: { socketPingMs: 50 } } });
    const alive = await read(fixture).until(({ length }) => length > 0);
    const raw = await Raw.open(fixture.port);
    raw.send(
      `GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    await raw.until(/101 Switching Protocols/);
    await raw.closed();
    expect(alive.socket.readyState).equal(WebSocket.OPEN);
  });

  it('accepts no messages, and survives malformed frames', async () => {
    const fixture = await start();
    const talker = await read(fixture).until(({ length }) => length > 0);
    talker.socket.send('hello');
    expect(await talker.closed()).equal(1003);
    const loud = await read(fixture).until(({ length }) => length > 0);
    loud.socket.send('x'.repeat(2000));
    expect(await loud.closed()).equal(1009);
    const upgrade = `GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    for (const [frame, code] of [
      [[0x81, 0x01, 0x61], 1002], // not masked
      [[0xf1, 0x80, 0, 0, 0, 0], 1002], // reserved bits
      [[0x83, 0x80, 0, 0, 0, 0], 1002], // an unknown opcode
      [[0x09, 0x80, 0, 0, 0, 0], 1002], // a ping in fragments
      [[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007], // not UTF-8
      [[0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009], // beyond any length
    ] as const) {
      const raw = await Raw.open(fixture.port);
      raw.send(upgrade);
      await raw.until(/"hello"/);
      raw.send(Uint8Array.from(frame));
      const received = await raw.closed();
      const close = String.fromCharCode(0x88, 2, code >> 8, code & 255);
      expect(received.endsWith(close), JSON.stringify(received.slice(-8))).true;
    }
    expect((await fixture.call('GET', '/health/live')).status).equal(200);
  });

  it('requires a token, in the header, the query, or the subprotocols', async () => {
    const fixture = await start({
      config: { auth: { enabled: true, adminToken: ADMIN, enrollmentToken: ENROLLMENT } },
    });
    const greeted = async (query: string, options = {}) => {
      const reader = await read(fixture, query, options).until(({ length }) => length > 0);
      return reader.socket.protocol;
    };
    expect(await greeted('', { headers: { authorization: `Bearer ${ADMIN}` } })).equal('');
    expect(await greeted(`?token=${ADMIN}`)).equal('');
    expect(await greeted('', { protocols: ['quorate', `quorate.bearer.${ADMIN}`] })).equal('quorate');
    expect(await refused(read(fixture))).deep.equal([401, 'UNAUTHORIZED']);
    expect(await refused(read(fixture, '?token=a-token-that-nobody-has'))).deep.equal([401, 'UNAUTHORIZED']);
    expect(await refused(read(fixture, `?token=${ENROLLMENT}`))).deep.equal([403, 'FORBIDDEN']);
    expect(JSON.stringify(fixture.log)).not.include(ADMIN);
  });

  it('refuses invalid queries', async () => {
    const fixture = await start({ config: { cors: { origins: ['https://own.example'] } } });
    expect(await refused(read(fixture, '?since=-1'))).deep.equal([400, 'INVALID_PARAMETER']);
    expect(await refused(read(fixture, '?since=1&since=0'))).deep.equal([400, 'INVALID_PARAMETER']);
    expect(await refused(read(fixture, '?from=1'))).deep.equal([400, 'UNKNOWN_PARAMETER']);
    expect(await refused(new Reader(`${fixture.url}/v1/status`))).deep.equal([404, 'NOT_FOUND']);
    expect(await refused(read(fixture, '', { headers: { origin: 'https://other.example' } }))).deep.equal([
      403,
      'FORBIDDEN',
    ]);
    await read(fixture, '', { headers: { origin: 'https://own.example' } }).until(({ length }) => length > 0);
    await fixture.refusal('MALFORMED', 'GET', '/v1/events');
    const limited = await start({ config: { limits: { requestsPerMinute: { address: 1 } } } });
    await read(limited).until(({ length }) => length > 0);
    expect(await refused(read(limited))).deep.equal([429, 'RATE_LIMITED']);
  });

  it('takes the client’s address from a proxy, if configured', async () => {
    const limits = { requestsPerMinute: { address: 1 } };
    const auth = { enabled: true, adminToken: ADMIN } as const;
    const fixture = await start({ config: { trustProxy: 1, auth, limits } });
    const authorization = `Bearer ${ADMIN}`;
    const from = (address: string) =>
      read(fixture, '', { headers: { authorization, 'x-forwarded-for': address } });
    for (const address of ['10.0.0.1', '10.0.0.3, 10.0.0.2'])
      await from(address).until(({ length }) => length > 0);
    expect(await refused(from('10.0.0.2'))).deep.equal([429, 'RATE_LIMITED']);
  });

  it('answers an invalid handshake with a problem document', async () => {
    const fixture = await start();
    const asked =
      'Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n';
    for (const [head, status, code] of [
      [`GET /v1/events HTTP/1.1\r\n${asked}`, 400, 'MALFORMED'], // no key
      [`GET /v1/events HTTP/1.1\r\n${asked}Sec-WebSocket-Key: x\r\n`, 400, 'MALFORMED'],
      [`POST /v1/events HTTP/1.1\r\n${asked}`, 405, 'METHOD_NOT_ALLOWED'],
      [`GET http://[/ HTTP/1.1\r\n${asked}`, 400, 'MALFORMED'],
    ] as const) {
      const raw = await Raw.open(fixture.port);
      raw.send(`${head}\r\n`);
      expect(await raw.closed())
        .match(new RegExp(`^HTTP/1\\.1 ${status} `))
        .match(/^Content-Type: application\/problem\+json/m)
        .include(`"code":"${code}"`);
    }
  });

  it('sends no backlog if since is beyond the last event', async () => {
    const fixture = await start();
    await startSession(fixture, ['a']);
    const reader = await read(fixture, '?since=100000').until(({ length }) => length > 0);
    const { last } = fixture.coordinator.events;
    expect(reader.messages[0]!.last).equal(last);
    await fixture.call('PUT', updatePath('a'), { headers: FLAT, body: vector(1) });
    await committed(fixture, 1);
    await reader.until((messages) => messages.some(({ type }) => type === 'round-committed'));
    expect(reader.numbers[0]).equal(last + 1);
  });
});
