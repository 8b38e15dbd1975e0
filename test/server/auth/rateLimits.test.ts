import { once } from 'node:events';
import { expect } from 'chai';
import { QuorateError } from '../../../src/errors.js';
import {
  ADMIN,
  closeAll,
  expectProblem,
  FLAT,
  type Fixture,
  sessionConfig,
  start,
  startSession,
  updatePath,
  vector,
} from '../fixture.js';
import { Raw } from '../raw.js';

describe('rate limits', () => {
  afterEach(closeAll);

  it('count by address, and say when to come back', async () => {
    const fixture = await start({ config: { limits: { requestsPerMinute: { address: 3 } } } });
    for (let i = 0; i < 3; i++) expect((await fixture.call('GET', '/v1/status')).status).equal(200);
    const answer = await fixture.call('GET', '/v1/status');
    expectProblem(answer, 'RATE_LIMITED');
    expect(Number(answer.headers.get('retry-after'))).within(1, 60);
    await fixture.refusal('RATE_LIMITED', 'GET', '/nowhere');
    // Whoever watches the server is not counted.
    expect((await fixture.call('GET', '/health/live')).status).equal(200);
  });

  it('count nodes by name, and requests with unknown tokens by address', async () => {
    const auth = { enabled: true, adminToken: ADMIN } as const;
    const fixture = await start({ config: { auth, limits: { requestsPerMinute: { address: 4, node: 2 } } } });
    const tokens: string[] = [];
    for (const id of ['a', 'b']) {
      const { json } = await fixture.call('POST', '/v1/nodes', { token: ADMIN, json: { id } });
      tokens.push((json as { token: string }).token);
    }
    const [a, b] = tokens;
    const beat = (id: string, token: string) => fixture.call('POST', `/v1/nodes/${id}/heartbeat`, { token });
    expect((await beat('a', a!)).status).equal(200);
    expect((await beat('a', a!)).status).equal(200);
    expectProblem(await beat('a', a!), 'RATE_LIMITED');
    expect((await beat('b', b!)).status).equal(200);
    for (let i = 0; i < 2; i++) expectProblem(await beat('a', 'a-guess-of-a-token'), 'UNAUTHORIZED');
    expectProblem(await beat('a', 'another-guess-of-it'), 'RATE_LIMITED');
    expect((await beat('b', b!)).status).equal(200);
  });

  it('know the client behind a proxy, if that is configured', async () => {
    const limits = { requestsPerMinute: { address: 1 } };
    const auth = { enabled: true, adminToken: ADMIN } as const;
    const from = (address: string) => ({ token: ADMIN, headers: { 'x-forwarded-for': address } });
    const proxied = await start({ config: { trustProxy: 1, auth, limits } });
    const statusOf = async (fixture: Fixture, address: string) =>
      (await fixture.call('GET', '/v1/status', from(address))).status;
    expect(await statusOf(proxied, '10.0.0.1')).equal(200);
    expect(await statusOf(proxied, '10.0.0.2')).equal(200);
    expect(await statusOf(proxied, '10.0.0.1')).equal(429);
    // What the client itself wrote stands to the left.
    expect(await statusOf(proxied, '10.0.0.3, 10.0.0.1')).equal(429);
    const direct = await start({ config: { auth, limits } });
    expect(await statusOf(direct, '10.0.0.1')).equal(200);
    expect(await statusOf(direct, '10.0.0.2')).equal(429);
  });
});

describe('pages of other origins', () => {
  afterEach(closeAll);

  const own = 'https://own.example';
  const other = { headers: { origin: 'https://other.example' } };

  it('may do what the configuration allows', async () => {
    const fixture = await start({ config: { cors: { origins: [own] } } });
    const preflight = await fixture.call('OPTIONS', '/v1/sessions', {
      headers: {
        origin: own,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).equal(204);
    expect(preflight.headers.get('access-control-allow-origin')).equal(own);
    expect(preflight.headers.get('access-control-allow-methods')).include('PUT');
    expect(preflight.headers.get('access-control-allow-headers')).equal('authorization');
    const read = await fixture.call('GET', '/v1/status', { headers: { origin: own } });
    expect(read.headers.get('access-control-allow-origin')).equal(own);
    expect(read.headers.get('access-control-expose-headers')).include('ETag');
    // A problem can be read as well.
    const problem = await fixture.call('GET', '/v1/sessions/none', { headers: { origin: own } });
    expect(problem.headers.get('access-control-allow-origin')).equal(own);
    expect(
      (await fixture.call('POST', '/v1/sessions', { headers: { origin: own }, json: sessionConfig() }))
        .status,
    ).equal(201);
  });

  it('change nothing otherwise, and are not marked as readable', async () => {
    const fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
    await fixture.refusal('FORBIDDEN', 'POST', '/v1/sessions/s/stop', other);
    await fixture.refusal('FORBIDDEN', 'POST', '/v1/sessions/s/stop', { headers: { origin: 'null' } });
    const read = await fixture.call('GET', '/v1/status', other);
    expect(read.headers.get('access-control-allow-origin')).equal(null);
    expect(
      (await fixture.call('POST', '/v1/sessions/s/stop', { headers: { origin: fixture.url } })).status,
    ).equal(200);
  });

  it('are all allowed by *', async () => {
    const fixture = await start({ config: { cors: { origins: ['*'] } } });
    const read = await fixture.call('GET', '/v1/status', other);
    expect(read.headers.get('access-control-allow-origin')).equal('*');
    expect((await fixture.call('POST', '/v1/nodes', { ...other, json: { id: 'a' } })).status).equal(201);
  });
});

describe('invalid HTTP', () => {
  afterEach(closeAll);

  it('is answered with a problem, and the connection ends', async () => {
    const fixture = await start();
    for (const text of [
      'nonsense\r\n\r\n',
      'GET /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n', // without a Host
    ]) {
      const raw = await Raw.open(fixture.port);
      raw.send(text);
      expect(await raw.closed(), text.slice(0, 40))
        .match(/^HTTP\/1\.1 400 /)
        .match(/"code":"MALFORMED"/);
    }
    expect((await fixture.call('GET', '/health/live')).status).equal(200);
  });

  it('includes CONNECT, which is refused', async () => {
    const fixture = await start();
    const raw = await Raw.open(fixture.port);
    raw.send('CONNECT example.org:80 HTTP/1.1\r\nHost: example.org\r\n\r\n');
    expect(await raw.closed())
      .match(/^HTTP\/1\.1 405 /)
      .match(/"code":"METHOD_NOT_ALLOWED"/)
      .match(/^Allow: GET, /m);
  });

  it('is not what expects more than can be promised: it is answered as if it did not', async () => {
    const fixture = await start();
    const raw = await Raw.open(fixture.port);
    raw.send('GET /health/live HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\nConnection: close\r\n\r\n');
    expect(await raw.closed()).match(/^HTTP\/1\.1 200 /);
  });

  it('is not what offers another protocol: the offer is passed over', async () => {
    const fixture = await start();
    const raw = await Raw.open(fixture.port);
    const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk';
    const body = JSON.stringify({ id: 'one', sessions: [] });
    raw.send(
      `POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${offer}\r\n\r\n`,
    );
    raw.send(body.slice(0, 5));
    raw.send(body.slice(5));
    expect(await raw.closed()).match(/^HTTP\/1\.1 201 /);
    expect((await fixture.call('GET', '/v1/nodes/one')).status).equal(200);
  });

  it('closes a connection whose head never ends, without an answer if it sent nothing', async () => {
    const fixture = await start({ config: { limits: { headersTimeoutMs: 100 } } });
    const raw = await Raw.open(fixture.port);
    raw.send('GET /v1/status HTTP/1.1\r\nHost: localhost\r\n');
    expect(await raw.closed()).equal('');
  });

  it('is refused beyond the limit of connections', async () => {
    const fixture = await start({ config: { limits: { connections: 1 } } });
    const first = await Raw.open(fixture.port);
    first.send('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await first.until(/live/);
    const second = await Raw.open(fixture.port);
    expect(await second.closed()).equal('');
    first.destroy();
    await once(first.socket, 'close');
  });
});

describe('requests in the log', () => {
  afterEach(closeAll);

  it('have the id that they bring, if it is sane, else a new one', async () => {
    const fixture = await start();
    const id = async (given: string) =>
      (await fixture.call('GET', '/v1/status', { headers: { 'x-request-id': given } })).headers.get(
        'x-request-id',
      )!;
    expect(await id('trace-1.2_3')).equal('trace-1.2_3');
    for (const insane of ['a b', 'x'.repeat(65), '{"a":1}', '\u00e9'])
      expect(await id(insane)).match(/^[0-9a-f-]{36}$/);
    await fixture.server.close();
    expect(fixture.log.some((line) => line.requestId === 'trace-1.2_3' && line.path === '/v1/status')).true;
  });

  it('include unexpected errors, of which the client sees only the request id', async () => {
    const secret = 'the password is swordfish';
    const fixture = await start({
      wrap: (real) => ({
        ...real,
        events: real.events,
        nodes: () => {
          throw new TypeError(secret);
        },
        close: () => real.close(),
      }),
    });
    const answer = await fixture.call('GET', '/v1/nodes');
    const problem = expectProblem(answer, 'INTERNAL');
    expect(answer.text).not.include('swordfish').not.include('.js');
    const [line] = fixture.errors;
    expect(line).include({ requestId: problem.requestId });
    expect(JSON.stringify(line)).include(secret);
    fixture.log.length = 0;
  });

  it('include a failing disk, with the code', async () => {
    const fixture = await start({
      wrap: (real) =>
        Object.assign(Object.create(real) as typeof real, {
          receiveUpdate: async () => {
            throw new QuorateError('STORE_FULL', 'the disk is full');
          },
        }),
    });
    await startSession(fixture, ['a']);
    const answer = await fixture.call('PUT', updatePath('a'), { headers: FLAT, body: vector(1) });
    expectProblem(answer, 'STORE_FULL');
    expect(fixture.errors).length(1);
    fixture.log.length = 0;
  });
});
