import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { writeSafetensors } from '../../../src/formats/safetensors.js';
import type { RoundView, SessionView, UpdateReceipt } from '../../../src/protocol/views.js';
import {
  closeAll,
  committed,
  D,
  FLAT,
  type Fixture,
  start,
  startSession,
  updatePath,
  vector,
} from '../fixture.js';
import { Raw } from '../raw.js';

const digest = (bytes: Uint8Array, algorithm = 'sha256') =>
  `sha-${algorithm.slice(3)}=:${createHash(algorithm).update(bytes).digest('base64')}:`;

const put = (
  fixture: Fixture,
  node: string,
  body: Uint8Array,
  headers: Record<string, string> = {},
  round = 1,
) => fixture.call('PUT', updatePath(node, round), { headers: { ...FLAT, ...headers }, body });

const round = (fixture: Fixture, number = 1) => fixture.get<RoundView>(`/v1/sessions/s/rounds/${number}`);

const nodes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

describe('PUT and GET …/updates/:node', () => {
  afterEach(closeAll);

  it('take seven updates at once, each exactly once in the round', async () => {
    const fixture = await start();
    await startSession(fixture, nodes, { quorum: 7 });
    const answers = await Promise.all(nodes.map((node, i) => put(fixture, node, vector(i + 1))));
    expect(answers.map(({ status }) => status)).deep.equal(nodes.map(() => 202));
    const receipts = answers.map(({ json }) => json as UpdateReceipt);
    expect(receipts.map(({ accepted }) => accepted).sort()).deep.equal([1, 2, 3, 4, 5, 6, 7]);
    await committed(fixture, 1);
    const { updates } = await round(fixture);
    expect(updates.map(({ node }) => node).sort()).deep.equal(nodes);
    expect(updates.every(({ used }) => used === true)).true;
    const model = await fixture.call('GET', '/v1/sessions/s/model', {
      headers: { accept: FLAT['content-type'] },
    });
    expect(Array.from(new Float32Array(model.bytes.buffer))).deep.equal(new Array(D).fill(4));
    expect(model.headers.get('quorate-round')).equal('1');
  });

  it('give back what was sent, with its digest', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    await put(fixture, 'a', vector(3), { 'content-digest': digest(vector(3)) });
    const answer = await fixture.call('GET', updatePath('a'));
    expect(answer.status).equal(200);
    expect(answer.bytes).deep.equal(vector(3));
    expect(answer.headers.get('content-digest')).equal(digest(vector(3)));
    await fixture.refusal('UNKNOWN_UPDATE', 'GET', updatePath('b'));
    await fixture.refusal('UNKNOWN_ROUND', 'GET', updatePath('a', 9));
  });

  it('take every encoding', async () => {
    const fixture = await start();
    await startSession(fixture, nodes, { quorum: 7 });
    const file = writeSafetensors([{ name: 'model', shape: [D], values: new Float32Array(D).fill(2) }]);
    const sent: [string, Uint8Array][] = [
      ['application/octet-stream', vector(2)],
      ['application/vnd.safetensors', file],
      ['application/vnd.quorate.f16', new Uint8Array(new Uint16Array(D).fill(0x4000).buffer)],
      ['application/vnd.quorate.bf16', new Uint8Array(new Uint16Array(D).fill(0x4000).buffer)],
      ['application/vnd.quorate.int8; scale=0.5', new Uint8Array(D).fill(4)],
    ];
    for (const [i, [type, body]] of sent.entries()) {
      const answer = await put(fixture, nodes[i]!, body, {
        'content-type': type,
        'content-digest': digest(body),
      });
      expect(answer.status, answer.text).equal(202);
      const stored = await fixture.call('GET', updatePath(nodes[i]!));
      expect(stored.bytes, type).deep.equal(vector(2));
    }
  });

  it('store the metadata sent in headers', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    await put(fixture, 'a', vector(1), { 'quorate-num-examples': '600', 'quorate-metrics': '{"loss":0.25}' });
    const [update] = (await round(fixture)).updates;
    expect(update).include({ node: 'a', numExamples: 600 });
    expect(update!.metrics).deep.equal({ loss: 0.25 });
    for (const [name, value, code] of [
      ['quorate-num-examples', 'many', 'INVALID_PARAMETER'],
      ['quorate-num-examples', '-1', 'INVALID_PARAMETER'],
      ['quorate-num-examples', '', 'INVALID_PARAMETER'],
      ['quorate-metrics', '{"loss":', 'MALFORMED'],
      ['quorate-metrics', '{"loss":"low"}', 'INVALID_PARAMETER'],
      ['quorate-metrics', '[]', 'INVALID_PARAMETER'],
    ] as const) {
      const question = { headers: { ...FLAT, [name]: value }, body: vector(1) };
      const { detail } = await fixture.refusal(code, 'PUT', updatePath('b'), question);
      if (code === 'MALFORMED') expect(detail).include('Quorate-Metrics');
    }
  });

  it('answer the same update as before, and refuse another one', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const first = await put(fixture, 'a', vector(1));
    const again = await put(fixture, 'a', vector(1));
    expect(first.status).equal(202);
    expect(again.status).equal(200);
    expect((again.json as UpdateReceipt).repeated).true;
    await fixture.refusal('CONFLICTING_UPDATE', 'PUT', updatePath('a'), { headers: FLAT, body: vector(2) });
    expect((await fixture.call('GET', updatePath('a'))).bytes).deep.equal(vector(1));
    await put(fixture, 'b', vector(3));
    await committed(fixture, 1);
    // The same holds once the round is over.
    expect((await put(fixture, 'a', vector(1))).status).equal(200);
    await fixture.refusal('CONFLICTING_UPDATE', 'PUT', updatePath('a'), { headers: FLAT, body: vector(2) });
    expect((await round(fixture)).updates).length(2);
  });

  it('take one of seven that one node sends at once', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const same = await Promise.all(nodes.map(() => put(fixture, 'a', vector(1))));
    expect(same.map(({ status }) => status).sort()).deep.equal([200, 200, 200, 200, 200, 200, 202]);
    const different = await Promise.all(nodes.map((_, i) => put(fixture, 'b', vector(i))));
    expect(different.map(({ status }) => status).sort()).deep.equal([202, 409, 409, 409, 409, 409, 409]);
  });

  it('refuse what is no update, each with its code, and the round goes on', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const refuse = async (code: Parameters<Fixture['refusal']>[0], body: Uint8Array, headers = {}) =>
      fixture.refusal(code, 'PUT', updatePath('a'), { headers: { ...FLAT, ...headers }, body });
    await refuse('BAD_SHAPE', vector(1, D - 1));
    await refuse('BAD_SHAPE', new Uint8Array(D * 4 - 1));
    expect((await refuse('PAYLOAD_TOO_LARGE', vector(1, D + 1))).details).deep.equal({ limitBytes: D * 4 });
    await refuse('BAD_DIGEST', vector(1), { 'content-digest': digest(vector(2)) });
    await refuse('BAD_DIGEST', vector(1), { 'content-digest': digest(vector(2), 'sha512') });
    await refuse('MALFORMED', vector(1), { 'content-digest': 'sha-256=abc' });
    await refuse('NON_FINITE', vector(NaN));
    await refuse('NON_FINITE', vector(-Infinity));
    await refuse('UNSUPPORTED_MEDIA_TYPE', vector(1), { 'content-type': 'text/plain' });
    await refuse('UNSUPPORTED_MEDIA_TYPE', vector(1), { 'content-encoding': 'gzip' });
    await refuse('UNSUPPORTED_MEDIA_TYPE', gzipSync(vector(1)), { 'content-encoding': 'gzip' });
    await refuse('MALFORMED', vector(1), { 'content-type': 'nonsense' });
    await refuse('INVALID_PARAMETER', new Uint8Array(D), { 'content-type': 'application/vnd.quorate.int8' });
    await refuse('MALFORMED', vector(1), { 'content-type': 'application/vnd.safetensors' });
    const other = writeSafetensors([{ name: 'other', shape: [D], values: new Float32Array(D) }]);
    await refuse('BAD_SHAPE', other, { 'content-type': 'application/vnd.safetensors' });
    // Without a length, it is counted as it comes.
    const endless = (chunks: number) =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (chunks-- > 0) controller.enqueue(vector(1));
          else controller.close();
        },
      });
    await fixture.refusal('BAD_SHAPE', 'PUT', updatePath('a'), { headers: FLAT, body: endless(3) });
    expect((await round(fixture)).accepted).equal(0);
    expect((await fixture.call('PUT', updatePath('a'), { headers: FLAT, body: endless(1) })).status).equal(
      202,
    );
    expect((await put(fixture, 'b', vector(2))).status).equal(202);
    await committed(fixture, 1);
  });

  it('refuse unknown nodes, and early and late updates', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2, targetUpdates: 2 });
    const question = { headers: FLAT, body: vector(1) };
    await fixture.refusal('UNKNOWN_NODE', 'PUT', updatePath('nobody'), question);
    await fixture.refusal('UNKNOWN_SESSION', 'PUT', updatePath('a', 1, 'nothing'), question);
    await fixture.refusal('ROUND_NOT_OPEN', 'PUT', updatePath('a', 2), question);
    await fixture.refusal('INVALID_PARAMETER', 'PUT', updatePath('a', -1), question);
    await fixture.refusal('UNKNOWN_PARAMETER', 'PUT', `${updatePath('a')}?force=1`, question);
    await put(fixture, 'a', vector(1));
    await put(fixture, 'b', vector(2));
    await committed(fixture, 1);
    await fixture.coordinator.registerNode({
      id: 'late',
      sessions: ['s'],
      capabilities: {},
      publicKey: null,
    });
    await fixture.refusal('ROUND_CLOSED', 'PUT', updatePath('late'), question);
  });

  it('leave nothing of an upload that breaks off, and log no error', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 }, 100_000);
    const raw = await Raw.open(fixture.port);
    raw.send(
      `PUT ${updatePath('a')} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 400000\r\n\r\n`,
    );
    raw.send(new Uint8Array(100_000));
    // It has come as far as the coordinator when a later request of this connection's neighbor is answered.
    await fixture.get('/v1/status');
    raw.destroy();
    expect((await put(fixture, 'a', vector(1, 100_000))).status).equal(202);
    expect((await put(fixture, 'b', vector(1, 100_000))).status).equal(202);
    await committed(fixture, 1);
    expect((await round(fixture)).updates).length(2);
  });

  it('answer Expect: 100-continue before the body', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const head = (node: string, length: number) =>
      `PUT ${updatePath(node)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
    const welcome = await Raw.open(fixture.port);
    welcome.send(head('a', D * 4));
    await welcome.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    welcome.send(vector(1));
    await welcome.until(/HTTP\/1.1 202 /);
    welcome.destroy();
    const refused = await Raw.open(fixture.port);
    refused.send(head('b', 4_000_000_000));
    const answer = await refused.closed();
    expect(answer)
      .match(/^HTTP\/1.1 413 /)
      .match(/\r\nConnection: close\r\n/i)
      .match(/PAYLOAD_TOO_LARGE/);
  });

  it('let a sender of far too much read why it is refused', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    // Sends everything before it reads anything, as simple clients do.
    const raw = await Raw.open(fixture.port);
    const length = 20_000_000;
    raw.socket.pause();
    raw.send(
      `PUT ${updatePath('a')} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}\r\n\r\n`,
    );
    await new Promise<void>((resolve, reject) => {
      raw.socket.write(new Uint8Array(length), (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    raw.socket.resume();
    expect(await raw.closed())
      .match(/^HTTP\/1.1 413 /)
      .match(/PAYLOAD_TOO_LARGE/);
  });

  it('cut off a sender that falls silent', async () => {
    const fixture = await start({ config: { limits: { bodyStallMs: 50 } } });
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const raw = await Raw.open(fixture.port);
    raw.send(
      `PUT ${updatePath('a')} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: ${D * 4}\r\n\r\n1234`,
    );
    expect(await raw.closed()).equal('');
    expect((await put(fixture, 'a', vector(1))).status).equal(202);
  });

  it('count what was refused in the node’s history', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    await fixture.refusal('NON_FINITE', 'PUT', updatePath('a'), { headers: FLAT, body: vector(NaN) });
    await fixture.refusal('ROUND_NOT_OPEN', 'PUT', updatePath('a', 7), { headers: FLAT, body: vector(1) });
    const session = await fixture.get<SessionView>('/v1/sessions/s');
    const record = session.nodes.find(({ node }) => node === 'a');
    expect(record?.refused).deep.equal({ NON_FINITE: 1, ROUND_NOT_OPEN: 1 });
  });
});
