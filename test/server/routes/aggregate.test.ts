import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { aggregate } from '../../../src/aggregation/aggregate.js';
import { createEngine } from '../../../src/core/engine.js';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors.js';
import { parsePipeline } from '../../../src/aggregation/pipeline.js';
import { normalRows } from '../../support/random.js';
import { closeAll, FLAT, start } from '../fixture.js';

const N = 9;
const D = 20;
const rows = normalRows(N, D, 1);
const body = new Uint8Array(N * D * 4);
rows.forEach((row, i) => {
  body.set(new Uint8Array(row.buffer), i * D * 4);
});
const rule = 'nnm(f=2) > trimmed-mean(f=2)';
const at = (query: Record<string, string>) => `/v1/aggregate?${new URLSearchParams(query).toString()}`;
const path = at({ rule, n: String(N) });
const floats = (bytes: Uint8Array) => Array.from(new Float32Array(bytes.slice().buffer));

const expected = async () => aggregate(rows, parsePipeline(rule));

describe('POST /v1/aggregate', () => {
  afterEach(closeAll);

  it('aggregates octets to octets, the very bits that the library gives', async () => {
    const fixture = await start();
    const { value, report } = await expected();
    const answer = await fixture.call('POST', path, { headers: FLAT, body });
    expect(answer.status, answer.text).equal(200);
    expect(floats(answer.bytes)).deep.equal(Array.from(value));
    expect(JSON.parse(answer.headers.get('quorate-report')!)).deep.equal({
      pipeline: rule,
      n: N,
      d: D,
      used: report.rows.filter(({ used }) => used).length,
      resultDigest: report.resultDigest,
    });
    expect(answer.headers.get('content-digest')).equal(
      `sha-256=:${createHash('sha256').update(answer.bytes).digest('base64')}:`,
    );
  });

  it('aggregates the tensors of a safetensors file in the order of their names', async () => {
    const fixture = await start();
    const { value } = await expected();
    const tensors = rows.map((values, i) => ({ name: `node-${i}`, shape: [4, 5], values })).reverse();
    const answer = await fixture.call('POST', at({ rule }), {
      headers: { 'content-type': 'application/vnd.safetensors', accept: 'application/vnd.safetensors' },
      body: writeSafetensors(tensors),
    });
    expect(answer.status, answer.text).equal(200);
    const file = await readSafetensors(answer.bytes);
    expect(file.tensors.map(({ name, shape }) => [name, shape])).deep.equal([['aggregate', [4, 5]]]);
    expect(Array.from(file.tensors[0]!.values)).deep.equal(Array.from(value));
    expect(JSON.parse(file.metadata.report!)).include({ pipeline: rule, n: N });
  });

  it('reports in full as JSON', async () => {
    const fixture = await start();
    const { value, report } = await expected();
    const answer = await fixture.call('POST', path, {
      headers: { ...FLAT, accept: 'application/json' },
      body,
    });
    const json = answer.json as { value: number[]; shape: number[]; report: { rows: unknown } };
    expect(json.value).deep.equal(Array.from(value));
    expect(json.shape).deep.equal([D]);
    expect(json.report.rows).deep.equal(JSON.parse(JSON.stringify(report.rows)));
  });

  it('cancels the work when the client disconnects, and logs no error', async () => {
    const engine = createEngine({ threads: 1 });
    const fixture = await start({ engine });
    const asked = new AbortController();
    let free: () => void = () => undefined;
    // The engine is busy, so that the request waits for it.
    const busy = engine.exclusive(() => new Promise<void>((resolve) => (free = resolve)));
    const question = fixture.call('POST', path, { headers: FLAT, body, signal: asked.signal });
    const gone = question.catch((error: unknown) => error);
    await fixture.logged(({ msg }) => msg === 'aggregating');
    asked.abort();
    expect(await gone).include({ name: 'AbortError' });
    await fixture.logged(({ msg }) => msg === 'client disconnected');
    free();
    await busy;
    await fixture.logged(({ msg, code }) => msg === 'request refused' && code === 'ABORTED');
    expect((await fixture.call('POST', path, { headers: FLAT, body })).status).equal(200);
    await engine.dispose();
  });

  it('refuses invalid input', async () => {
    const fixture = await start({ config: { limits: { aggregateBytes: 10_000 } } });
    const refuse = (
      code: Parameters<typeof fixture.refusal>[0],
      query: Record<string, string>,
      sent: Uint8Array = body,
      headers = {},
    ) => fixture.refusal(code, 'POST', at(query), { headers: { ...FLAT, ...headers }, body: sent });
    const n = String(N);
    await refuse('UNKNOWN_RULE', { rule: 'average', n });
    await refuse('UNKNOWN_PARAMETER', { rule: 'krum(g=1)', n });
    await refuse('INVALID_PARAMETER', { rule: 'krum(f=', n });
    await refuse('INVALID_PARAMETER', { rule });
    await refuse('INVALID_PARAMETER', { n });
    await refuse('INVALID_PARAMETER', { rule, n: '0' });
    await refuse('UNKNOWN_PARAMETER', { rule, n, seed: '1' });
    await refuse('TOO_FEW_UPDATES', { rule: 'krum(f=8)', n });
    await refuse('BAD_SHAPE', { rule, n: '7' });
    await refuse('EMPTY_INPUT', { rule, n }, new Uint8Array(0));
    await refuse('PAYLOAD_TOO_LARGE', { rule, n }, new Uint8Array(10_004));
    await refuse('UNSUPPORTED_MEDIA_TYPE', { rule, n }, body, { 'content-type': 'application/json' });
    const withNaN = body.slice();
    new DataView(withNaN.buffer).setUint32(4, 0x7fc00000, true);
    await refuse('NON_FINITE', { rule, n }, withNaN);
    const answer = await fixture.call('POST', at({ rule, n, onNonFinite: 'exclude' }), {
      headers: FLAT,
      body: withNaN,
    });
    expect(answer.status, answer.text).equal(200);
    const named = writeSafetensors(
      [1, 2, NaN].map((value, i) => ({ name: `n${i}`, shape: [1], values: Float32Array.of(value) })),
    );
    const safetensors = { 'content-type': 'application/vnd.safetensors' };
    await refuse('NON_FINITE', { rule: 'mean' }, named, safetensors);
    const excluding = await fixture.call('POST', at({ rule: 'mean', onNonFinite: 'exclude' }), {
      headers: { ...safetensors, accept: 'application/json' },
      body: named,
    });
    expect((JSON.parse(excluding.text) as { value: number[] }).value).deep.equal([1.5]);
    const uneven = writeSafetensors([
      { name: 'a', shape: [2], values: new Float32Array(2) },
      { name: 'b', shape: [1], values: new Float32Array(1) },
    ]);
    await refuse('BAD_SHAPE', { rule: 'mean' }, uneven, { 'content-type': 'application/vnd.safetensors' });
    await refuse('BAD_SHAPE', { rule: 'mean', n: '3' }, uneven, {
      'content-type': 'application/vnd.safetensors',
    });
    await refuse('EMPTY_INPUT', { rule: 'mean' }, writeSafetensors([]), {
      'content-type': 'application/vnd.safetensors',
    });
  });
});
