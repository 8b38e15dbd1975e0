import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors.js';
import type { ModelView } from '../../../src/protocol/views.js';
import type { CheckpointSummary } from '../../../src/store/store.js';
import {
  closeAll,
  committed,
  D,
  FLAT,
  sessionConfig,
  start,
  startSession,
  updatePath,
  vector,
} from '../fixture.js';

const MODEL = '/v1/sessions/s/model';
const flat = { accept: 'application/octet-stream' };
const named = { accept: 'application/vnd.safetensors' };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const file = writeSafetensors([
  { name: 'w', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) },
  { name: 'b', shape: [2], values: Float32Array.of(5, 6) },
]);

describe('PUT …/model', () => {
  afterEach(closeAll);

  it('takes a safetensors file and gives it back', async () => {
    const fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
    const answer = await fixture.call('PUT', MODEL, {
      headers: { 'content-type': 'application/vnd.safetensors' },
      body: file,
    });
    expect(answer.status, answer.text).equal(200);
    const view = answer.json as ModelView;
    expect(view).deep.equal({
      round: 0,
      d: 6,
      digest: sha256(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)),
      tensors: [
        { name: 'w', shape: [2, 2] },
        { name: 'b', shape: [2] },
      ],
    });
    const back = await fixture.call('GET', MODEL, { headers: named });
    const { tensors, metadata } = await readSafetensors(back.bytes);
    expect(metadata).deep.equal({ round: '0' });
    expect(tensors.map(({ name, shape, values }) => [name, shape, Array.from(values)])).deep.equal([
      ['w', [2, 2], [1, 2, 3, 4]],
      ['b', [2], [5, 6]],
    ]);
  });

  it('takes plain numbers as one tensor', async () => {
    const fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
    const answer = await fixture.call('PUT', MODEL, { headers: FLAT, body: vector(1) });
    expect((answer.json as ModelView).tensors).deep.equal([{ name: 'model', shape: [D] }]);
  });

  it('refuses invalid models, and any model after the start', async () => {
    const fixture = await start({ config: { limits: { modelBytes: 1000 } } });
    await fixture.coordinator.createSession(sessionConfig());
    const put = (body: Uint8Array, headers: Record<string, string> = FLAT) => ({ body, headers });
    await fixture.refusal('BAD_SHAPE', 'PUT', MODEL, put(new Uint8Array(5)));
    await fixture.refusal('EMPTY_INPUT', 'PUT', MODEL, put(new Uint8Array(0)));
    await fixture.refusal('NON_FINITE', 'PUT', MODEL, put(vector(NaN)));
    await fixture.refusal('PAYLOAD_TOO_LARGE', 'PUT', MODEL, put(new Uint8Array(1004)));
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(500));
      },
    });
    await fixture.refusal('PAYLOAD_TOO_LARGE', 'PUT', MODEL, { headers: FLAT, body: endless });
    await fixture.refusal('MALFORMED', 'PUT', MODEL, put(vector(1), { 'content-type': named.accept }));
    await fixture.refusal(
      'UNSUPPORTED_MEDIA_TYPE',
      'PUT',
      MODEL,
      put(vector(1), { 'content-type': 'text/csv' }),
    );
    await fixture.refusal(
      'BAD_DIGEST',
      'PUT',
      MODEL,
      put(vector(1), { ...FLAT, 'content-digest': `sha-256=:${'A'.repeat(43)}=:` }),
    );
    await fixture.refusal('UNKNOWN_SESSION', 'PUT', '/v1/sessions/none/model', put(vector(1)));
    await fixture.refusal('NO_MODEL', 'GET', MODEL);
    await fixture.refusal('NO_MODEL', 'POST', '/v1/sessions/s/start');
    await fixture.call('PUT', MODEL, put(vector(1)));
    await fixture.call('POST', '/v1/sessions/s/start');
    await fixture.refusal('WRONG_STATE', 'PUT', MODEL, put(vector(1)));
  });
});

describe('GET …/model', () => {
  afterEach(closeAll);

  const withModel = async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    return fixture;
  };

  it('names each representation by the digest of its bytes', async () => {
    const fixture = await withModel();
    const types = [
      flat.accept,
      named.accept,
      'application/vnd.quorate.f16',
      'application/vnd.quorate.bf16',
      'application/vnd.quorate.int8',
    ];
    const etags = new Set<string>();
    for (const accept of types) {
      const { bytes, headers } = await fixture.call('GET', MODEL, { headers: { accept } });
      expect(headers.get('etag')).equal(`"${sha256(bytes)}"`);
      expect(headers.get('content-digest')).equal(
        `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
      );
      expect(headers.get('content-type')?.split(';')[0]).equal(accept);
      expect(headers.get('vary')).match(/\bAccept\b/);
      etags.add(accept === types[3] ? 'bf16' : headers.get('etag')!); // of zeros, f16 and bf16 are the same
    }
    expect(etags.size).equal(types.length);
    const whatever = await fixture.call('GET', MODEL, { headers: { accept: 'text/html' } });
    expect(whatever.headers.get('content-type')).equal(flat.accept);
  });

  it('answers 304 if the client has the model, with the round', async () => {
    const fixture = await withModel();
    const { headers } = await fixture.call('GET', MODEL, { headers: flat });
    const etag = headers.get('etag')!;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await fixture.call('GET', MODEL, { headers: { ...flat, 'if-none-match': known } });
      expect(again.status, known).equal(304);
      expect(again.bytes.length).equal(0);
      expect(again.headers.get('quorate-round')).equal('0');
      expect(again.headers.get('etag')).equal(etag);
    }
    for (const other of ['"other"', etag.slice(1, -1)]) {
      expect(
        (await fixture.call('GET', MODEL, { headers: { ...flat, 'if-none-match': other } })).status,
      ).equal(200);
    }
    const otherType = await fixture.call('GET', MODEL, { headers: { ...named, 'if-none-match': etag } });
    expect(otherType.status).equal(200);
  });

  it('sends parts, so that a download can be resumed', async () => {
    const fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
    await fixture.call('PUT', MODEL, { headers: { 'content-type': named.accept }, body: file });
    const whole = await fixture.call('GET', MODEL, { headers: flat });
    const etag = whole.headers.get('etag')!;
    const part = (range: string, more = {}) =>
      fixture.call('GET', MODEL, { headers: { ...flat, range, ...more } });
    for (const [range, first, end] of [
      ['bytes=0-3', 0, 4],
      ['bytes=4-', 4, 24],
      ['bytes=-4', 20, 24],
      ['bytes=-99', 0, 24],
      ['bytes=20-99', 20, 24],
      ['bytes=23-23', 23, 24],
    ] as const) {
      const answer = await part(range, { 'if-range': etag });
      expect(answer.status, range).equal(206);
      expect(answer.headers.get('content-range')).equal(`bytes ${first}-${end - 1}/24`);
      expect(answer.bytes).deep.equal(whole.bytes.slice(first, end));
      expect(answer.headers.has('content-digest')).false; // it would be another one
    }
    expect((await part('bytes=0-3', { 'if-range': '"other"' })).status).equal(200);
    for (const ignored of ['bytes=3-1', 'bytes=0-1,4-5', 'items=0-1', 'bytes=', 'bytes=a-b']) {
      expect((await part(ignored)).status, ignored).equal(200);
    }
    for (const range of ['bytes=24-', 'bytes=99-100', 'bytes=-0']) {
      const answer = await part(range);
      expect(answer.status, range).equal(416);
      expect(answer.headers.get('content-range')).equal('bytes */24');
      expect(answer.headers.has('etag')).false;
      expect(answer.json).include({ code: 'RANGE_NOT_SATISFIABLE' });
    }
  });

  it('answers HEAD like GET, without the bytes', async () => {
    const fixture = await withModel();
    const { headers, bytes } = await fixture.call('GET', MODEL, { headers: flat });
    const head = await fixture.call('HEAD', MODEL, { headers: flat });
    expect(head.status).equal(200);
    for (const name of ['etag', 'content-length', 'content-type', 'accept-ranges', 'quorate-round']) {
      expect(head.headers.get(name), name).equal(headers.get(name));
    }
    expect(head.headers.get('content-length')).equal(String(bytes.length));
    expect(head.bytes.length).equal(0);
    const part = await fixture.call('HEAD', MODEL, { headers: { ...flat, range: 'bytes=0-3' } });
    expect(part.status).equal(200);
  });

  it('keeps the models of former rounds', async () => {
    const fixture = await withModel();
    await fixture.call('PUT', updatePath('a'), { headers: FLAT, body: vector(1) });
    await fixture.call('PUT', updatePath('b'), { headers: FLAT, body: vector(3) });
    await committed(fixture, 1);
    const { checkpoints } = await fixture.get<{ checkpoints: CheckpointSummary[] }>(
      '/v1/sessions/s/checkpoints',
    );
    expect(checkpoints.map(({ round }) => round)).deep.equal([0, 1]);
    for (const [round, value] of [
      [0, 0],
      [1, 2],
    ]) {
      const answer = await fixture.call('GET', `/v1/sessions/s/checkpoints/${round}`, { headers: flat });
      expect(answer.bytes).deep.equal(vector(value!));
      expect(answer.headers.get('quorate-round')).equal(String(round));
      expect(checkpoints[round!]!.modelDigest).equal(sha256(answer.bytes));
    }
    await fixture.refusal('UNKNOWN_ROUND', 'GET', '/v1/sessions/s/checkpoints/2');
    await fixture.refusal('INVALID_PARAMETER', 'GET', '/v1/sessions/s/checkpoints/newest');
  });

  it('refuses an encoding that cannot hold it', async () => {
    const fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
    await fixture.call('PUT', MODEL, { headers: FLAT, body: vector(1e30) });
    await fixture.refusal('NON_FINITE_RESULT', 'GET', MODEL, {
      headers: { accept: 'application/vnd.quorate.f16' },
    });
  });
});
