/** Requests that the server takes, for the tests that send them changed. */
import { createHash } from 'node:crypto';
import { writeSafetensors } from '../../src/formats/safetensors.js';
import { D, updatePath, vector } from './fixture.js';

export interface Request {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** JSON, or bytes. */
  readonly body?: unknown;
}

const flat = ['content-type', 'application/octet-stream'] as const;
const safetensors = ['content-type', 'application/vnd.safetensors'] as const;
const json = ['content-type', 'application/json'] as const;

const file = (...names: string[]): Uint8Array =>
  writeSafetensors(
    names.map((name, i) => ({ name, shape: [2, D / 2], values: new Float32Array(D).fill(i + 1) })),
    { note: 'text' },
  );

const digestOf = (bytes: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

/** To a server with a session `s` of nodes `a` and `b`, as `startSession` makes it. */
export const validRequests: readonly Request[] = [
  {
    method: 'POST',
    target: '/v1/nodes',
    headers: [json],
    body: { id: 'c', sessions: ['s'], capabilities: { cores: 4, tags: ['x'] }, publicKey: null },
  },
  {
    method: 'POST',
    target: '/v1/sessions',
    headers: [json],
    body: {
      id: 't',
      pipeline: 'nnm(f=1) > trimmed-mean(f=1)',
      optimizer: 'fed-adam(eta=0.1)',
      updates: 'gradient',
      learningRate: { first: 0.1, decay: 'linear' },
      weighting: 'equal',
      rounds: 10,
      quorum: 3,
      deadlineMs: 1000,
      adaptiveDeadline: { quantile: 0.9, slack: 1.5, minMs: 100, window: 10 },
      selection: { sample: 4, seed: 1 },
      mode: { buffered: { bufferSize: 3, maxStaleness: 2 } },
      retry: { firstMs: 10, maxMs: 100, attempts: 3 },
      stopWhen: { metric: 'loss', goal: 'min', reaches: 0.1, patience: 2 },
      exclude: { rounds: 3, suspicion: 0.5 },
      train: { batchSize: 32, deep: { list: [1, 2, { a: null }] } },
    },
  },
  { method: 'PUT', target: '/v1/sessions/s/model', headers: [safetensors], body: file('w') },
  {
    method: 'PUT',
    target: updatePath('a'),
    headers: [
      flat,
      ['content-digest', digestOf(vector(1))],
      ['quorate-num-examples', '600'],
      ['quorate-metrics', '{"loss":0.3}'],
    ],
    body: vector(1),
  },
  { method: 'PUT', target: updatePath('b'), headers: [safetensors], body: file('model') },
  {
    method: 'PUT',
    target: updatePath('b'),
    headers: [['content-type', 'application/vnd.quorate.int8; scale=0.0123']],
    body: new Uint8Array(D).fill(7),
  },
  {
    method: 'PUT',
    target: '/v1/sessions/s/rounds/1/evaluations/a',
    headers: [json],
    body: { metrics: { loss: 0.3, accuracy: 0.9 }, numExamples: 100 },
  },
  {
    method: 'POST',
    target: '/v1/aggregate?rule=nnm(f=1)%20%3E%20trimmed-mean(f=1)&n=3&onNonFinite=exclude',
    headers: [flat, ['accept', 'application/json']],
    body: vector(1, 3 * D),
  },
  {
    method: 'POST',
    target: '/v1/aggregate?rule=krum(f=1)',
    headers: [safetensors, ['accept', 'application/vnd.safetensors']],
    body: file('a', 'b', 'c', 'd', 'e'),
  },
  {
    method: 'GET',
    target: '/v1/sessions/s/model',
    headers: [
      ['accept', 'application/vnd.quorate.bf16, */*;q=0.1'],
      ['range', 'bytes=2-5'],
      ['if-range', '"abc"'],
      ['if-none-match', 'W/"abc", "def"'],
    ],
  },
  { method: 'GET', target: '/v1/sessions/s/metrics?from=0&limit=10', headers: [['accept-encoding', 'gzip']] },
  { method: 'GET', target: '/v1/sessions/s/rounds/1', headers: [['x-request-id', 'abc']] },
  {
    method: 'GET',
    target: '/v1/events?since=0&session=s',
    headers: [
      ['upgrade', 'websocket'],
      ['connection', 'Upgrade'],
      ['sec-websocket-version', '13'],
      ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['sec-websocket-protocol', 'quorate, quorate.bearer.abc'],
    ],
  },
];

const bytesOfBody = (body: unknown): Buffer =>
  body instanceof Uint8Array || typeof body === 'string'
    ? Buffer.from(body as Uint8Array)
    : Buffer.from(body === undefined ? '' : JSON.stringify(body));

/** As it stands on the wire; header values in latin1. */
export function wire({ method, target, headers, body }: Request): Buffer {
  const bytes = bytesOfBody(body);
  const isChunked = headers.some(([name]) => name === 'transfer-encoding');
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'host: localhost',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(bytes.length === 0 || isChunked ? [] : [`content-length: ${bytes.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}
