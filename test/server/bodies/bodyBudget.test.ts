import { expect } from 'chai';
import { closeAll, FLAT, sessionConfig, start, vector } from '../fixture.js';
import { Raw } from '../raw.js';

const MODEL = '/v1/sessions/s/model';
const AGGREGATE = '/v1/aggregate?rule=mean&n=1';

describe('BodyBudget', () => {
  afterEach(closeAll);

  const crowded = async () => {
    const fixture = await start({ config: { limits: { bodiesBytes: 1000 } } });
    await fixture.coordinator.createSession(sessionConfig());
    return fixture;
  };

  /** Begins to send a model of 800 bytes; a coming go-ahead tells that it has its room. */
  async function begin(port: number): Promise<Raw> {
    const raw = await Raw.open(port);
    raw.send(
      `PUT ${MODEL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FLAT['content-type']}\r\n` +
        'Content-Length: 800\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
    );
    await raw.until(/^HTTP\/1\.1 100 /);
    return raw.send(vector(1, 100));
  }

  it('refuses what does not fit beside others, before it is read, and says when to come back', async () => {
    const fixture = await crowded();
    const first = await begin(fixture.port);
    for (const [method, path] of [
      ['PUT', MODEL],
      ['POST', AGGREGATE],
    ]) {
      const answer = await fixture.call(method!, path!, { headers: FLAT, body: vector(1, 100) });
      expect(answer.json).deep.include({ code: 'RATE_LIMITED' });
      expect(answer.headers.get('retry-after')).equal('1');
    }
    const small = await fixture.call('POST', AGGREGATE, { headers: FLAT, body: vector(1, 50) });
    expect(small.status).equal(200);
    first.send(vector(1, 100));
    expect(await first.closed()).match(/HTTP\/1\.1 200 /);
    const later = await fixture.call('PUT', MODEL, { headers: FLAT, body: vector(1, 200) });
    expect(later.status).equal(200);
  });

  it('is free again when a sender goes away', async () => {
    const fixture = await crowded();
    const first = await begin(fixture.port);
    first.destroy();
    await fixture.logged(({ path }) => path === MODEL);
    const later = await fixture.call('PUT', MODEL, { headers: FLAT, body: vector(1, 200) });
    expect(later.status).equal(200);
  });

  it('holds a body that comes in chunks twice, and never takes one that can’t find room', async () => {
    const fixture = await crowded();
    const chunked = (bytes: Uint8Array) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes.slice(0, 100));
          controller.enqueue(bytes.slice(100));
          controller.close();
        },
      });
    for (let i = 0; i < 3; i++) {
      const answer = await fixture.call('PUT', MODEL, { headers: FLAT, body: chunked(vector(1, 125)) });
      expect(answer.status, answer.text).equal(200);
    }
    const more = { headers: FLAT, body: chunked(vector(1, 126)) };
    await fixture.refusal('PAYLOAD_TOO_LARGE', 'PUT', MODEL, more);
    const most = { headers: FLAT, body: vector(1, 251) };
    await fixture.refusal('PAYLOAD_TOO_LARGE', 'PUT', MODEL, most);
  });
});
