/**
 * Nodes that break the protocol, in a process of their own, each in its own way and all at once, round after round. Its
 * one argument is an `AttackOptions`; it reports an `AttackReport` when the session has ended.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { followEvents } from '../../examples/network/followEvents.js';
import { createClient } from '../../src/client/index.js';
import { bytesOf } from '../support/storeData.js';
import { type AttackOptions, attacksOf, FLOODER } from './attacks.js';
import { sendProgress, sendReport } from './report.js';
import { SESSION } from './system.js';
import { updateOf } from './trainer.js';

const FLOOD = 300;
/** More than a node may ask in a minute. */
const GREATEST_FLOOD = 1200;
const LOST_MS = 30_000;
const options = JSON.parse(process.argv[2]!) as AttackOptions;
const { server, tokens, enrollmentToken, victim, d } = options;
const { port } = new URL(server);
const report: Record<string, number> = {};
const count = (what: string): void => void (report[what] = (report[what] ?? 0) + 1);

interface Request {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

async function send(what: string, method: string, path: string, request: Request = {}): Promise<void> {
  // A fetch whose connection ends at the wrong moment may never settle, nor keep the process.
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), LOST_MS);
  try {
    const { token, headers = {}, body } = request;
    const response = await fetch(`${server}${path}`, {
      method,
      signal: controller.signal,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
    });
    const text = await response.text();
    const code = response.ok ? '' : ` ${(JSON.parse(text) as { code: string }).code}`;
    count(`${what}: ${response.status}${code}`);
  } catch {
    count(`${what}: lost`);
  } finally {
    clearTimeout(timer);
  }
}

const flat = { 'content-type': 'application/octet-stream' };
const json = { 'content-type': 'application/json' };
const place = (node: string, round: number | string): string =>
  `/v1/sessions/${SESSION}/rounds/${round}/updates/${node}`;
const put = (what: string, node: string, round: number | string, update: Float32Array, headers = {}) =>
  send(what, 'PUT', place(node, round), {
    token: tokens[node]!,
    headers: { ...flat, ...headers },
    body: bytesOf(update).slice(),
  });

async function replay(round: number): Promise<void> {
  const node = 'x-replays';
  const [update] = attacksOf(node, round, d);
  await put('sends', node, round, update!);
  await put('sends the same again', node, round, update!);
  await put('sends the same for the next round', node, round + 1, update!);
  if (round > 1)
    await put('sends the last round’s again', node, round - 1, attacksOf(node, round - 1, d)[0]!);
  const stolen = { headers: flat, body: bytesOf(updateOf(0, round, d)).slice() };
  await send('speaks for another', 'PUT', place(victim, round), { ...stolen, token: tokens[node]! });
  await send('speaks for another', 'PUT', place(victim, round), stolen);
  await send('removes another', 'DELETE', `/v1/nodes/${victim}`, { token: tokens[node]! });
  await send('stops the session', 'POST', `/v1/sessions/${SESSION}/stop`, { token: tokens[node]! });
}

async function equivocate(round: number): Promise<void> {
  const node = 'x-equivocates';
  const [one, other] = attacksOf(node, round, d);
  await Promise.all([one, other].map((update) => put('equivocates', node, round, update!)));
  await put('equivocates again', node, round, new Float32Array(d).fill(round));
}

async function lie(round: number): Promise<void> {
  const node = 'x-lies';
  const [update] = attacksOf(node, round, d);
  for (const wrong of [0, -1, round + 1, round + 1000, 2 ** 53, 'NaN', '1e3']) {
    await put('sends for a wrong round', node, wrong, update!);
  }
  for (const examples of ['1e308', '-1', 'NaN', 'Infinity', '']) {
    await put('lies about examples', node, round, update!, { 'quorate-num-examples': examples });
  }
  for (const metrics of ['[1]', '{"a":{"b":1}}', '{"a":1e999}', '{', 'null', `{"${'x'.repeat(65)}":1}`]) {
    await put('sends odd metrics', node, round, update!, { 'quorate-metrics': metrics });
  }
  await put('sends what is not finite', node, round, new Float32Array(d).fill(Infinity));
  const facts = { 'quorate-num-examples': String(2 ** 53 - 1), 'quorate-metrics': '{"loss":1e308}' };
  await put('sends the largest of all', node, round, update!, facts);
  for (const metrics of [{ loss: -1e308 }, { loss: 1e308 }, { 'loss.mean': -1e308 }, [], { loss: null }]) {
    const path = `/v1/sessions/${SESSION}/rounds/${round - 1}/evaluations/${node}`;
    const body = JSON.stringify({ metrics, numExamples: 2 ** 53 - 1 });
    if (round > 1)
      await send('lies about the model', 'PUT', path, { token: tokens[node]!, headers: json, body });
  }
}

const flood = (round: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: round === 1 ? GREATEST_FLOOD : FLOOD }, () =>
      send('floods', 'POST', `/v1/nodes/${FLOODER}/heartbeat`, { token: tokens[FLOODER]! }),
    ),
  );

async function multiply(): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < options.sybils) {
      const body = JSON.stringify({ id: `sybil-${next++}`, sessions: [SESSION] });
      await send('registers', 'POST', '/v1/nodes', { token: enrollmentToken, headers: json, body });
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

/** Holds a connection: first this, then a byte now and then. */
async function hold(what: string, first: string, byte: string): Promise<void> {
  const socket: Socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined).on('data', () => undefined);
  await once(socket, 'connect');
  count(`${what}: held`);
  socket.write(first);
  const dripping = setInterval(() => byte !== '' && socket.write(byte), 200);
  socket.once('close', () => {
    clearInterval(dripping);
    count(`${what}: cut off`);
  });
}

async function holdMany(round: number): Promise<void> {
  const bearer = `Authorization: Bearer ${tokens['x-lies']}`;
  const head = `PUT ${place('x-lies', round)} HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: application/octet-stream\r\n`;
  const register = `POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n`;
  const upgrade =
    `GET /v1/events HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const holding = [
    ...Array.from({ length: 30 }, () => hold('slow head', 'GET /v1/status HTTP/1.1\r\nX-', 'a')),
    ...Array.from({ length: 20 }, () => hold('slow update', `${head}Content-Length: ${d * 4}\r\n\r\n`, 'a')),
    ...Array.from({ length: 20 }, () => hold('slow body', register, '{')),
    ...Array.from({ length: 100 }, () => hold('idle', '', '')),
    // It answers no ping: nothing reads on this side.
    ...Array.from({ length: 20 }, () => hold('deaf event socket', upgrade, '')),
  ];
  await Promise.all(holding);
}

async function run(): Promise<void> {
  const begun: Promise<unknown>[] = [multiply()];
  const client = createClient({ server, token: tokens['x-replays']! });
  // Its socket may be ended for its slowness, as any other's.
  await followEvents(client, { session: SESSION }, ({ type, round, status }) => {
    if (type === 'round-opened') {
      const opened = Number(round);
      const updates = Promise.all([replay, equivocate, lie].map((attack) => attack(opened)));
      begun.push(
        updates.then(() => sendProgress(opened)),
        flood(opened),
        ...(opened === 2 ? [holdMany(opened)] : []),
      );
    }
    return type === 'session-status' && status === 'completed';
  });
  await Promise.all(begun);
  // For what is held to be cut off.
  for (const deadlineMs = Date.now() + 20_000; Date.now() < deadlineMs && isHeld();) await pause(100);
}

const kinds = ['slow head', 'slow body', 'slow update', 'idle', 'deaf event socket'];
const isHeld = (): boolean => kinds.some((kind) => report[`${kind}: held`] !== report[`${kind}: cut off`]);

await run();
sendReport(report);
