/** What RFC 9110 and RFC 9112 demand of servers, from a raw socket; docs/http.md lists it. */
import { expect } from 'chai';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import type { Coordinator } from '../../../src/coordinator/coordinator.js';
import { expectSound, type RawAnswer, readAnswers } from '../answers.js';
import { closeAll, type Fixture, start, startSession, updatePath } from '../fixture.js';
import { Raw } from '../raw.js';

const HOST = 'Host: localhost\r\n';
const LIVE = `GET /health/live HTTP/1.1\r\n${HOST}`;
const POST = `POST /v1/nodes HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;

async function answersTo({ port }: Fixture, text: string, methods: string[] = []): Promise<RawAnswer[]> {
  const raw = await Raw.open(port);
  raw.send(Buffer.from(text, 'latin1'));
  const answers = readAnswers(await raw.closed(), methods);
  expectSound(answers, text);
  return answers;
}

describe('a server of HTTP/1.1', () => {
  let fixture: Fixture;
  beforeEach(async () => (fixture = await start()));
  afterEach(closeAll);

  const statuses = async (text: string) => (await answersTo(fixture, text)).map(({ status }) => status);

  const refused: Readonly<Record<string, string>> = {
    'a missing Host': 'GET /health/live HTTP/1.1\r\n\r\n',
    'two Hosts': `${LIVE}Host: localhost\r\n\r\n`,
    'an empty Host': 'GET /health/live HTTP/1.1\r\nHost:\r\n\r\n',
    'a Host that is none': 'GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n',
    'a blank before a colon': `${LIVE}X : y\r\n\r\n`,
    'a folded line': `${LIVE}X: y\r\n z\r\n\r\n`,
    'a line without a colon': `${LIVE}X\r\n\r\n`,
    'a blank before the first field': 'GET /health/live HTTP/1.1\r\n Host: localhost\r\n\r\n',
    'a bare CR in a value': `${LIVE}X: a\rb\r\n\r\n`,
    'a NUL in a value': `${LIVE}X: a\0b\r\n\r\n`,
    'both lengths': `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two different lengths': `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    'a list of lengths': `${POST}Content-Length: 2, 2\r\n\r\n{}`,
    'a signed length': `${POST}Content-Length: +2\r\n\r\n{}`,
    'a hexadecimal length': `${POST}Content-Length: 0x2\r\n\r\n{}`,
    'a length with an exponent': `${POST}Content-Length: 2e0\r\n\r\n{}`,
    'an endless length': `${POST}Content-Length: 99999999999999999999\r\n\r\n{}`,
    'an unknown coding': `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'chunked twice': `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    'chunked not last': `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    identity: `${POST}Transfer-Encoding: identity\r\n\r\n{}`,
    'a coding in HTTP/1.0': `${POST.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\na\r\n{"id":"z"}\r\n0\r\n\r\n`,
    'a signed chunk size': `${POST}Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n`,
    'a chunk that is longer than it says': `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`,
    'an endless chunk size': `${POST}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n`,
    'an unknown major version': `GET /health/live HTTP/3.0\r\n${HOST}\r\n`,
    'a lower-case version': `GET /health/live http/1.1\r\n${HOST}\r\n`,
    'a version with blanks': `GET /health/live HTTP/ 1.1\r\n${HOST}\r\n`,
    'no version': 'GET /health/live\r\n\r\n',
    'an unknown method': `get /health/live HTTP/1.1\r\n${HOST}\r\n`,
    'a target in a form of a proxy': `GET example.org:80 HTTP/1.1\r\n${HOST}\r\n`,
    'two tokens': `${LIVE}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
    'two media types': `${POST}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`,
    'two ranges': `${LIVE}Range: bytes=0-1\r\nRange: bytes=1-2\r\n\r\n`,
  };
  for (const [name, text] of Object.entries(refused)) {
    it(`refuses ${name} and ends the connection: what follows is no request`, async () => {
      expect(await statuses(`${text}${LIVE}\r\n`)).deep.equal([400]);
    });
  }

  it('reads what a robust server reads: empty lines first, blanks around values, a repeated equal target form', async () => {
    const close = 'Connection: close\r\n\r\n';
    expect(await statuses(`\r\n\r\n${LIVE}X: \t y \t\r\n${close}`)).deep.equal([200]);
    expect(await statuses(`GET http://LOCALHOST:1/health/live HTTP/1.1\r\n${HOST}${close}`)).deep.equal([
      200,
    ]);
    expect(await statuses(`GET /health/live HTTP/1.0\r\n\r\n`)).deep.equal([200]);
    const body = '{"id":"a"}';
    const chunked = `A;name=value;q="x"\r\n${body}\r\n000\r\nTrailer: x\r\n\r\n`;
    expect(await statuses(`${POST}Transfer-Encoding: chunked\r\n${close}${chunked}`)).deep.equal([201]);
  });

  it('sends no body with HEAD, 204 and 304, and the same head for HEAD as for GET', async () => {
    await startSession(fixture, ['a']);
    const ask = (method: string, headers = '') =>
      answersTo(
        fixture,
        `${method} /v1/sessions/s/model HTTP/1.1\r\n${HOST}${headers}Connection: close\r\n\r\n`,
        [method],
      );
    const [get] = await ask('GET');
    const [head] = await ask('HEAD');
    for (const name of ['content-length', 'content-type', 'etag', 'content-digest', 'vary'])
      expect(head!.headers.get(name), name).equal(get!.headers.get(name));
    const etag = get!.headers.get('etag')!;
    const [unchanged] = await ask('GET', `If-None-Match: ${etag}\r\n`);
    expect(unchanged).include({ status: 304, body: '' });
    for (const name of ['etag', 'vary', 'cache-control', 'date'])
      expect(unchanged!.headers.has(name), name).true;
    const [options] = await answersTo(
      fixture,
      `OPTIONS /v1/nodes HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    );
    expect(options!.status).equal(204);
    expect(options!.headers.has('content-length')).false;
    expect(options!.headers.has('transfer-encoding')).false;
  });

  it('says what it allows with 405, and answers in order on one connection', async () => {
    const text = `PATCH /v1/nodes HTTP/1.1\r\n${HOST}\r\n${LIVE}\r\nHEAD /v1/nodes HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
    const answers = await answersTo(fixture, text, ['PATCH', 'GET', 'HEAD']);
    expect(answers.map(({ status }) => status)).deep.equal([405, 200, 200]);
    expect(answers[0]!.headers.get('allow')).match(/GET/);
    for (const { headers } of answers) expect(Date.parse(headers.get('date')!)).greaterThan(0);
  });

  it('sends 100 Continue to HTTP/1.1 alone', async () => {
    const body = '{"id":"a"}';
    const post = (version: string) =>
      `${POST.replace('1.1', version)}Expect: 100-continue\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    const modern = await Raw.open(fixture.port);
    await modern.send(post('1.1')).until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    expect(await modern.send(body).closed()).match(/ 201 Created/);
    const old = await Raw.open(fixture.port);
    expect(await old.send(post('1.0') + body).closed()).not.match(/ 100 /);
  });

  it('speaks of no parser’s codes', async () => {
    for (const text of [...Object.values(refused), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x01\x02\r\n\r\n']) {
      const raw = await Raw.open(fixture.port);
      raw.send(Buffer.from(text, 'latin1')).socket.end();
      expect(await raw.closed(), text).not.match(/HPE_|ERR_/);
    }
  });

  it('answers a client that speaks TLS with a plain 400, and logs why', async () => {
    const raw = await Raw.open(fixture.port);
    raw.send(Buffer.from('16030100050100000100', 'hex'));
    const [answer] = readAnswers(await raw.closed());
    expect(answer!.status).equal(400);
    expect(answer!.body).include('the client spoke TLS, but this port speaks plain HTTP');
    await fixture.logged(({ level, msg }) => level === 40 && msg.startsWith('the client spoke TLS'));
    const tls = connectTls({ port: fixture.port, host: '127.0.0.1', rejectUnauthorized: false });
    const [error] = (await once(tls, 'error').catch((thrown: unknown) => [thrown])) as [Error];
    expect(error).instanceOf(Error);
    expect((await fixture.call('GET', '/health/live')).status).equal(200);
  });
});

describe('an upgrade behind other requests', () => {
  afterEach(closeAll);

  const upgrade = (protocol: string) =>
    `GET /v1/events HTTP/1.1\r\n${HOST}Upgrade: ${protocol}\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

  for (const [protocol, last] of [
    ['websocket', 101],
    ['h2c', 400], // as if it had not offered to upgrade
  ] as const) {
    it(`to ${protocol} is answered after them`, async () => {
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const wrap = (real: Coordinator) =>
        Object.assign(Object.create(real) as Coordinator, {
          checkpoints: async (session: string) => {
            await gate;
            return real.checkpoints(session);
          },
        });
      const fixture = await start({ wrap });
      await startSession(fixture, ['a']);
      const raw = await Raw.open(fixture.port);
      raw.send(`GET /v1/sessions/s/checkpoints HTTP/1.1\r\n${HOST}\r\n${LIVE}\r\n${upgrade(protocol)}`);
      // Meanwhile the server has read all of it: another connection was served.
      expect((await fixture.call('GET', '/v1/status')).status).equal(200);
      expect(raw.received).equal('');
      release();
      const text = await raw.until(new RegExp(`HTTP/1.1 ${last} [^]*\r\n\r\n`));
      expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))).deep.equal([
        200,
        200,
        last,
      ]);
      raw.destroy();
    });
  }

  it('is passed over in HTTP/1.0', async () => {
    const fixture = await start();
    const raw = await Raw.open(fixture.port);
    raw.send(upgrade('websocket').replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await raw.until(/\r\n\r\n/)).match(/^HTTP\/1\.1 400 /);
    raw.destroy();
  });

  it('refuses versions of WebSockets that are no plain number', async () => {
    const fixture = await start();
    for (const version of ['0xd', '1.3e1', '+13']) {
      const raw = await Raw.open(fixture.port);
      raw.send(upgrade('websocket').replace('Version: 13', `Version: ${version}`));
      expect(await raw.closed(), version).match(/^HTTP\/1\.1 400 /);
    }
  });
});

describe('JSON bodies', () => {
  afterEach(closeAll);

  it('are refused with a key twice, or one that reaches a prototype, at any depth', async () => {
    const fixture = await start();
    const post = async (body: string) => {
      const headers = { 'content-type': 'application/json' };
      const { status } = await fixture.call('POST', '/v1/nodes', { headers, body });
      return status;
    };
    const capabilities = (text: string) => `{"id":"a","capabilities":${text}}`;
    for (const body of [
      '{"id":"a","id":"b"}',
      '{"id":"a","i\\u0064":"a"}',
      capabilities('{"x":1,"x" : 1}'),
      capabilities('{"x":[{"y":{"z":1,"z":1}}]}'),
      capabilities('{"__proto__":1}'),
      capabilities('[{"constructor":{"prototype":{}}}]'),
      capabilities('{"x":{"\\u005f_proto__":{}}}'),
      capabilities('{"x":{},"y":[],"x":1}'),
      capabilities('{"a\\"":1,"a\\"":2}'),
      '{"__proto__":null,"id":"a"}',
    ]) {
      expect(await post(body), body).equal(400);
    }
    expect(fixture.coordinator.nodes()).deep.equal([]);
    const fine = '{"x":{"y":1},"y":{"y":1},"z":["x","x","__proto__","constructor"],"\\"x":"x","":":","a:":1}';
    expect(await post(capabilities(fine))).equal(201);
  });
});

describe('numbers in headers and queries', () => {
  afterEach(closeAll);

  it('are plain decimals', async () => {
    const fixture = await start();
    await startSession(fixture, ['a'], { quorum: 1 });
    const body = new Uint8Array(24);
    for (const value of [
      '0x10',
      '1e3',
      '+1',
      '-1',
      '1 2',
      '',
      '01',
      '.5',
      '5.',
      'NaN',
      'Infinity',
      '1_0',
      '9'.repeat(17),
    ]) {
      const headers = { 'content-type': 'application/octet-stream', 'quorate-num-examples': value };
      expect((await fixture.call('PUT', updatePath('a'), { headers, body })).status, value).equal(400);
      const query = encodeURIComponent(value);
      for (const path of [`/v1/sessions/s/rounds?limit=${query}`, `/v1/sessions/s/metrics?from=${query}`])
        expect((await fixture.call('GET', path)).status, path).equal(400);
    }
  });
});

describe('the same update again', () => {
  afterEach(closeAll);

  it('has the same numExamples and metrics', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const put = async (numExamples: string | null, metrics: string | null) => {
      const headers = {
        'content-type': 'application/octet-stream',
        ...(numExamples !== null && { 'quorate-num-examples': numExamples }),
        ...(metrics !== null && { 'quorate-metrics': metrics }),
      };
      const answer = await fixture.call('PUT', updatePath('a'), { headers, body: new Uint8Array(24) });
      return [answer.status, (answer.json as { code?: string }).code];
    };
    expect((await put('5', '{"loss":1,"x":2}'))[0]).equal(202);
    expect((await put('5.0', '{"x":2,"loss":1.0}'))[0]).equal(200);
    for (const [numExamples, metrics] of [
      ['6', '{"loss":1,"x":2}'],
      [null, '{"loss":1,"x":2}'],
      ['5', '{"loss":1}'],
      ['5', '{"loss":1,"x":3}'],
      ['5', '{"loss":1,"x":2,"y":0}'],
      ['5', null],
    ] as const) {
      expect(await put(numExamples, metrics)).deep.equal([409, 'CONFLICTING_UPDATE']);
    }
  });
});
