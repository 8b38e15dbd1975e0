import { expect } from 'chai';
import { readAnswers } from '../answers.js';
import { ADMIN, closeAll, start, startSession, updatePath, vector } from '../fixture.js';
import { Raw } from '../raw.js';

const auth = { enabled: true, adminToken: ADMIN } as const;

describe('tokens of HTTP', () => {
  afterEach(closeAll);

  it('count without regard to case', async () => {
    const fixture = await start({ config: { auth } });
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const ask = async (line: string, headers: string, body: string | Uint8Array = '') => {
      const raw = await Raw.open(fixture.port);
      const bytes = Buffer.from(body as string, 'latin1');
      const length =
        bytes.length > 0 && !/transfer/i.test(headers) ? `CONTENT-LENGTH: ${bytes.length}\r\n` : '';
      raw.send(
        `${line} HTTP/1.1\r\nHOST: LOCALHOST\r\nAUTHORIZATION: bEARER ${ADMIN}\r\n${length}${headers}\r\n`,
      );
      raw.send(bytes);
      const [answer] = readAnswers(await raw.closed());
      return answer!;
    };
    const close = 'Connection: CLOSE\r\n';
    const flat = `Content-Type: APPLICATION/Octet-Stream\r\n${close}`;
    for (const encoding of ['Identity', 'IDENTITY', 'identity, Identity', '', ' ,identity']) {
      const put = await ask(`PUT ${updatePath('a')}`, `${flat}Content-Encoding: ${encoding}\r\n`, vector(1));
      expect(put.status, encoding).oneOf([200, 202]);
    }
    for (const encoding of ['GZip', 'identity, gzip', 'x-identity']) {
      const put = await ask(`PUT ${updatePath('b')}`, `${flat}Content-Encoding: ${encoding}\r\n`, vector(1));
      expect(put.status, encoding).equal(415);
    }
    const json = JSON.stringify({ id: 'c' });
    const chunked = `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`;
    const post = await ask(
      'POST /v1/nodes',
      `Content-Type: Application/JSON; Charset=UTF-8\r\nTransfer-Encoding: CHUNKED\r\nExpect: 100-CONTINUE\r\n${close}`,
      chunked,
    );
    expect(post.status, post.body).equal(201);
    const model = await ask(
      'GET /v1/sessions/s/model',
      `Accept: APPLICATION/VND.SAFETENSORS;Q=1\r\n${close}`,
    );
    expect(model.headers.get('content-type')).equal('application/vnd.safetensors');
    const zipped = await ask('GET /openapi.json', `Accept-Encoding: GZIP\r\n${close}`);
    expect(zipped.headers.get('content-encoding')).equal('gzip');
    const plain = await ask('GET /openapi.json', `Accept-Encoding: GZIP;Q=0\r\n${close}`);
    expect(plain.headers.get('content-encoding')).equal(undefined);
    const range = await ask('GET /v1/sessions/s/model', `Range: BYTES=0-3\r\n${close}`);
    expect(range.status).equal(206);
  });

  it('count without regard to case in a WebSocket handshake, and in lists', async () => {
    const fixture = await start({ config: { auth, cors: { origins: ['https://Own.example'] } } });
    for (const upgrade of ['WebSocket', 'WEBSOCKET', 'h2c, WebSocket', 'websocket , h2c']) {
      const raw = await Raw.open(fixture.port);
      raw.send(
        `GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: ${upgrade}\r\nConnection: Keep-Alive, UPGRADE\r\n` +
          'Origin: HTTPS://OWN.EXAMPLE\r\nSEC-WEBSOCKET-VERSION: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
          `Sec-WebSocket-Protocol: Quorate, QUORATE.Bearer.${ADMIN}\r\n\r\n`,
      );
      const text = await raw.until(/\r\n\r\n/);
      expect(text, upgrade)
        .match(/^HTTP\/1\.1 101 /)
        .match(/^Sec-WebSocket-Protocol: Quorate\r$/m);
      raw.destroy();
    }
  });
});
