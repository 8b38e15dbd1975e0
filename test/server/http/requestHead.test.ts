import { maxHeaderSize } from 'node:http';
import { expect } from 'chai';
import { expectSound, readAnswers } from '../answers.js';
import { closeAll, type Fixture, start } from '../fixture.js';
import { Raw } from '../raw.js';

describe("a request's head", () => {
  let fixture: Fixture;
  beforeEach(async () => (fixture = await start()));
  afterEach(closeAll);

  const ask = async (text: string) => {
    const raw = await Raw.open(fixture.port);
    raw.send(text);
    raw.socket.end();
    const answers = readAnswers(await raw.closed());
    expectSound(answers, text);
    return answers;
  };

  it('may name the whole address', async () => {
    const [answer] = await ask('GET http://localhost:1/health/live?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answer).include({ status: 400 });
    expect(answer!.body).match(/UNKNOWN_PARAMETER/);
    expect(
      (await ask('GET http://localhost/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n'))[0]!.status,
    ).equal(200);
  });

  it('is refused where its address can’t be read, and the server goes on', async () => {
    for (const target of ['http://[', 'http://x:99999/', 'x', 'ftp://x/', '?']) {
      const [answer] = await ask(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      expect(answer!.status, target).equal(400);
      expect(answer!.body).match(/MALFORMED/);
    }
  });

  it('needs a Host, as HTTP/1.1 has it', async () => {
    expect((await ask('GET /health/live HTTP/1.1\r\n\r\n'))[0]!.body).match(/MALFORMED/);
    expect((await ask('GET /health/live HTTP/1.0\r\n\r\n'))[0]!.status).equal(200);
  });

  it('is refused where it is too long, be it the address or the headers', async () => {
    const long = 'y'.repeat(100_000);
    for (const [target, header] of [
      [`/${long}`, 'X: y'],
      ['/', `X: ${long}`],
    ]) {
      const [answer] = await ask(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n`);
      expect(answer!.status).equal(431);
      expect(JSON.parse(answer!.body)).deep.include({
        code: 'HEAD_TOO_LARGE',
        details: { limitBytes: maxHeaderSize },
      });
    }
  });

  it('may carry an unknown expectation', async () => {
    const [answer] = await ask('GET /health/live HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n');
    expect(answer!.status).equal(200);
  });
});

describe('invalid HTTP', () => {
  let fixture: Fixture;
  beforeEach(async () => (fixture = await start()));
  afterEach(closeAll);

  it('is refused after the answers to those before it', async () => {
    const raw = await Raw.open(fixture.port);
    raw.send('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n');
    const answers = readAnswers(await raw.closed());
    expect(answers.map(({ status }) => status)).deep.equal([200, 400]);
    JSON.parse(Buffer.from(answers[0]!.body, 'latin1').toString());
    expectSound(answers, 'garbage');
  });

  it('is refused, however its body contradicts itself', async () => {
    const head = 'POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    for (const rest of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
      'Content-Length: -1\r\n\r\n',
      'Content-Length: 99999999999999999999\r\n\r\n',
      'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
      'Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n',
      'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
      'X\0: y\r\n\r\n',
    ]) {
      const raw = await Raw.open(fixture.port);
      raw.send(head + rest);
      const answers = readAnswers(await raw.closed());
      expect(
        answers.map(({ status }) => status),
        rest,
      ).deep.equal([400]);
      expectSound(answers, rest);
    }
  });
});
