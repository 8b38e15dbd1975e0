import { expect } from 'chai';
import {
  closeAll,
  FLAT,
  type Fixture,
  sessionConfig,
  start,
  startSession,
  updatePath,
  vector,
} from '../fixture.js';

const MODEL = '/v1/sessions/s/model';

const put = (fixture: Fixture, path: string, value: number, headers: Record<string, string>) =>
  fixture.call('PUT', path, { headers: { ...FLAT, ...headers }, body: vector(value) });

const etagOf = async (fixture: Fixture, path: string, accept = FLAT['content-type']) =>
  (await fixture.call('GET', path, { headers: { accept } })).headers.get('etag')!;

const OTHER = `"${'0'.repeat(64)}"`;

describe('conditions on PUT …/model', () => {
  afterEach(closeAll);
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
  });

  it('set a model only if there is none', async () => {
    await fixture.refusal('PRECONDITION_FAILED', 'PUT', MODEL, {
      headers: { ...FLAT, 'if-match': '*' },
      body: vector(1),
    });
    expect((await put(fixture, MODEL, 1, { 'if-none-match': '*' })).status).equal(200);
    const etag = await etagOf(fixture, MODEL);
    for (const condition of ['*', etag, `W/${etag}`, `${OTHER} , ${etag}`]) {
      const answer = await put(fixture, MODEL, 2, { 'if-none-match': condition });
      expect(answer.status, condition).equal(412);
    }
    expect(await etagOf(fixture, MODEL)).equal(etag);
    expect((await put(fixture, MODEL, 2, { 'if-none-match': OTHER })).status).equal(200);
  });

  it('replace the model that they name, in any of its representations, and no other', async () => {
    await put(fixture, MODEL, 1, {});
    const etag = await etagOf(fixture, MODEL);
    for (const condition of [OTHER, `W/${etag}`, '"a,b", "c"', `"${etag.slice(1, -1).toUpperCase()}"`]) {
      const answer = await put(fixture, MODEL, 2, { 'if-match': condition });
      expect(answer.status, condition).equal(412);
    }
    expect(await etagOf(fixture, MODEL)).equal(etag);
    expect((await put(fixture, MODEL, 2, { 'if-match': `${OTHER},${etag}` })).status).equal(200);
    const named = await etagOf(fixture, MODEL, 'application/vnd.safetensors');
    expect((await put(fixture, MODEL, 3, { 'if-match': named })).status).equal(200);
    expect((await put(fixture, MODEL, 4, { 'if-match': '*' })).status).equal(200);
    // If-Match comes first; a condition on a date has no date to look at.
    const now = await etagOf(fixture, MODEL);
    expect((await put(fixture, MODEL, 5, { 'if-match': OTHER, 'if-none-match': OTHER })).status).equal(412);
    const since = { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' };
    expect((await put(fixture, MODEL, 5, { 'if-match': now, ...since })).status).equal(200);
  });

  it('let one of many set it', async () => {
    const all = Array.from({ length: 8 }, (_, k) => put(fixture, MODEL, k, { 'if-none-match': '*' }));
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).length(1);
    expect(statuses.filter((status) => status === 412)).length(7);
  });

  it('count only where the request would succeed without them', async () => {
    await put(fixture, MODEL, 1, {});
    await fixture.call('POST', '/v1/sessions/s/start');
    const none = { ...FLAT, 'if-none-match': '*' };
    await fixture.refusal('WRONG_STATE', 'PUT', MODEL, { headers: none, body: vector(1) });
    await fixture.refusal('UNKNOWN_SESSION', 'PUT', '/v1/sessions/t/model', {
      headers: none,
      body: vector(1),
    });
  });

  it('are refused where they are no list of ETags', async () => {
    for (const name of ['if-match', 'if-none-match']) {
      for (const value of ['abc', '"a', '"a" "b"', '*, "a"', '"a"b', 'w/"a"', '', ',', '"a b"']) {
        const answer = await put(fixture, MODEL, 1, { [name]: value });
        expect(answer.status, value).equal(400);
      }
    }
  });
});

describe('conditions on updates', () => {
  afterEach(closeAll);

  it('let a node send one once, and know it again', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const path = updatePath('a');
    expect((await put(fixture, path, 1, { 'if-match': '*' })).status).equal(412);
    expect((await put(fixture, path, 1, { 'if-none-match': '*' })).status).equal(202);
    expect((await put(fixture, path, 1, { 'if-none-match': '*' })).status).equal(412);
    const etag = await etagOf(fixture, path);
    expect((await put(fixture, path, 1, { 'if-match': OTHER })).status).equal(412);
    expect((await put(fixture, path, 1, { 'if-match': etag })).status).equal(200);
    const get = async (method: string, headers: Record<string, string>) => {
      const answer = await fixture.call(method, path, { headers });
      return [answer.status, answer.bytes.length, answer.headers.get('etag')];
    };
    for (const method of ['GET', 'HEAD']) {
      expect(await get(method, { 'if-none-match': `"x", W/${etag}` })).deep.equal([304, 0, etag]);
      expect((await get(method, { 'if-match': `W/${etag}` }))[0]).equal(412);
      expect((await get(method, { 'if-match': etag, 'if-none-match': OTHER }))[0]).equal(200);
    }
  });
});

describe('conditions on downloads', () => {
  afterEach(closeAll);

  it('are If-Match before If-None-Match, for models and checkpoints', async () => {
    const fixture = await start();
    await startSession(fixture, ['a']);
    for (const path of [MODEL, '/v1/sessions/s/checkpoints/0']) {
      const etag = await etagOf(fixture, path);
      for (const method of ['GET', 'HEAD']) {
        const status = async (headers: Record<string, string>) =>
          (await fixture.call(method, path, { headers })).status;
        expect(await status({ 'if-match': OTHER, 'if-none-match': etag })).equal(412);
        expect(await status({ 'if-match': etag, 'if-none-match': `W/${etag}` })).equal(304);
        expect(await status({ 'if-match': '*', 'if-none-match': OTHER })).equal(200);
        expect(await status({ 'if-none-match': '*' })).equal(304);
      }
    }
  });
});
