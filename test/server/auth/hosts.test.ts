import { hostname } from 'node:os';
import { expect } from 'chai';
import { configSchema } from '../../../src/server/config/config.js';
import { checkHost, hostNamesOf } from '../../../src/server/auth/hosts.js';
import { createServer } from '../../../src/server/index.js';
import { expectRefusal } from '../../support/refusal.js';
import { readAnswers } from '../answers.js';
import { ADMIN, closeAll, type Fixture, sessionConfig, start } from '../fixture.js';
import { Raw } from '../raw.js';

const body = JSON.stringify(sessionConfig());
const create = (host: string, headers = '') =>
  `POST /v1/sessions HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${body.length}\r\nConnection: close\r\n${headers}\r\n${body}`;

/** The status and the code of a refusal. */
async function answerTo({ port }: Fixture, text: string): Promise<[number, unknown]> {
  const raw = await Raw.open(port);
  raw.send(text);
  const [answer] = readAnswers(await raw.closed());
  const { code } = JSON.parse(Buffer.from(answer!.body || '{}', 'latin1').toString()) as { code?: string };
  return [answer!.status, code];
}

describe('checkHost', () => {
  const names = (listen: object) => hostNamesOf(configSchema.parse({ listen }).listen);

  it('lets addresses and localhost pass, whatever their case, port and final dot', () => {
    for (const host of [
      ...['127.0.0.1', '127.0.0.1:8080', '192.0.2.7', '[::1]', '[::1]:8080', '[2001:DB8::1]', '127.0.0.1:'],
      ...['localhost', 'LocalHost:1', 'localhost.', 'a.b.localhost', 'A.LOCALHOST.:8080'],
    ]) {
      expect(() => checkHost(host, names({}))).not.throw();
    }
  });

  it('refuses other names, unless listen.hosts has them', async () => {
    const listed = names({ hosts: ['Quorate.example.org', 'two.example.'] });
    for (const host of ['quorate.example.org', 'QUORATE.EXAMPLE.ORG.:443', 'two.example']) {
      checkHost(host, listed);
      await expectRefusal(() => checkHost(host, names({})), 'HOST_REFUSED');
    }
    for (const host of [
      ...[
        'evil.example',
        'x.quorate.example.org',
        'localhost.evil.example',
        'evillocalhost',
        '127.0.0.1.evil',
      ],
      ...['2130706433', '0x7f.1', '127.1', 'localhost..'],
      hostname(),
    ]) {
      await expectRefusal(() => checkHost(host, listed), 'HOST_REFUSED');
    }
  });

  it('lets the name that is listened on pass, and beyond loopback the machine’s own', () => {
    expect(() => checkHost(hostname(), names({ host: '0.0.0.0' }))).not.throw();
    expect(() => checkHost('inner.example:80', names({ host: 'inner.example' }))).not.throw();
  });

  it('refuses what is no host', async () => {
    for (const host of [
      '',
      'a b',
      'a/b',
      'user@a',
      '[::1',
      '[1.2.3.4]',
      'a:b',
      ':80',
      '::1',
      'a,b:1:2',
      'ä',
    ]) {
      await expectRefusal(() => checkHost(host, names({})), 'MALFORMED');
    }
  });
});

describe('foreign host names', () => {
  afterEach(closeAll);

  it('change nothing, though Origin agrees', async () => {
    const fixture = await start();
    const evil = create('evil.example:8080', 'Origin: http://evil.example:8080\r\n');
    expect(await answerTo(fixture, evil)).deep.equal([421, 'HOST_REFUSED']);
    const absolute = create('localhost').replace('/v1/sessions', 'http://evil.example/v1/sessions');
    expect(await answerTo(fixture, absolute)).deep.equal([421, 'HOST_REFUSED']);
    expect(fixture.coordinator.sessions()).deep.equal([]);
    expect((await answerTo(fixture, create('localhost:1')))[0]).equal(201);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
    for (const path of ['/v1/status', '/docs', '/openapi.json', '/nowhere'])
      expect(await answerTo(fixture, get(path)), path).deep.equal([421, 'HOST_REFUSED']);
    for (const path of ['/health/live', '/health/ready'])
      expect((await answerTo(fixture, get(path)))[0], path).equal(200);
  });

  it('open no socket', async () => {
    const fixture = await start();
    const upgrade = (host: string) =>
      `GET /v1/events HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    expect(await answerTo(fixture, upgrade('evil.example'))).deep.equal([421, 'HOST_REFUSED']);
    const raw = await Raw.open(fixture.port);
    await raw.send(upgrade('localhost')).until(/ 101 /);
    raw.destroy();
  });

  it('are refused with tokens too; pages of origins that cors.origins lists go on working', async () => {
    const origin = 'http://dev.example:5173';
    const auth = { enabled: true, adminToken: ADMIN } as const;
    const fixture = await start({ config: { auth, cors: { origins: [origin] } } });
    const headers = `Authorization: Bearer ${ADMIN}\r\nOrigin: ${origin}\r\n`;
    expect(await answerTo(fixture, create('dev.example:5173', headers))).deep.equal([421, 'HOST_REFUSED']);
    expect((await answerTo(fixture, create('127.0.0.1', headers)))[0]).equal(201);
  });
});

describe('a proxy', () => {
  afterEach(closeAll);

  it('needs tokens: without them, trustProxy is refused, and so is what came through a proxy', async () => {
    for (const trustProxy of [1, ['127.0.0.1']]) {
      const config = configSchema.parse({ trustProxy });
      const { coordinator } = await start();
      const refusal = await expectRefusal(
        () => createServer({ coordinator, config, log: undefined as never }),
        'INVALID_PARAMETER',
      );
      expect(refusal.details).include({ parameter: 'trustProxy' });
    }
    const fixture = await start();
    for (const header of ['Forwarded: for=1.2.3.4', 'X-Forwarded-For: 1.2.3.4', 'x-forwarded-proto: https']) {
      expect(await answerTo(fixture, create('localhost', `${header}\r\n`))).deep.equal([421, 'HOST_REFUSED']);
    }
    expect(fixture.coordinator.sessions()).deep.equal([]);
    const live = 'GET /health/live HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1\r\nConnection: close\r\n\r\n';
    expect((await answerTo(fixture, live))[0]).equal(200);
  });

  it('says for which host a request is, if it is trusted', async () => {
    const auth = { enabled: true, adminToken: ADMIN } as const;
    const listen = { hosts: ['quorate.example'] };
    const trusting = await start({ config: { auth, trustProxy: ['127.0.0.0/8'], listen } });
    const direct = await start({ config: { auth, listen } });
    const ask = (host: string, more: string) => create(host, `Authorization: Bearer ${ADMIN}\r\n${more}\r\n`);
    expect((await answerTo(trusting, ask('backend', 'X-Forwarded-Host: quorate.example')))[0]).equal(201);
    expect((await answerTo(trusting, ask('backend', 'Forwarded: host="quorate.example:443"')))[0]).equal(200);
    const evil = ask('localhost', 'X-Forwarded-Host: quorate.example, evil.example');
    expect(await answerTo(trusting, evil)).deep.equal([421, 'HOST_REFUSED']);
    const untrusted = ask('backend', 'X-Forwarded-Host: quorate.example');
    expect(await answerTo(direct, untrusted)).deep.equal([421, 'HOST_REFUSED']);
  });
});
