/** What the tests of the stores write: seeded updates and checkpoints, and how they are told apart. */
import { createHash } from 'node:crypto';
import type { AcceptedUpdate, SessionState, SessionStatus } from '../../src/rounds/state.js';
import type {
  Checkpoint,
  NodeEntry,
  RoundHeader,
  RoundStore,
  SessionEntry,
  Store,
  TimeMark,
} from '../../src/store/store.js';
import { random } from './random.js';

export function rowOf(d: number, seed: number): Float32Array {
  const { normal } = random(seed);
  return Float32Array.from({ length: d }, normal);
}

export const bytesOf = (row: Float32Array): Uint8Array =>
  new Uint8Array(row.buffer, row.byteOffset, row.byteLength);

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function updateOf(node: string, row: Float32Array, withDigest = true): AcceptedUpdate {
  return {
    node,
    digest: withDigest ? sha256(bytesOf(row)) : null,
    numExamples: 600,
    metrics: { loss: 0.25 },
    staleness: 0,
    responseMs: 12.5,
  };
}

export function headerOf(round: number, d: number, attempt = 1): RoundHeader {
  return { round, attempt, d, asked: null, openedAtMs: 1000 + round, durationMs: 60_000 };
}

/** The time of a round in which none passes. */
export const noTime = (): TimeMark => ({ elapsedMs: 0, wallMs: 1000 });

export async function send(
  round: RoundStore,
  node: string,
  row: Float32Array,
  withDigest = true,
): Promise<AcceptedUpdate> {
  const slot = await round.reserve(node, withDigest);
  await slot.write(bytesOf(row));
  const update = updateOf(node, row, withDigest);
  await slot.commit(update);
  return update;
}

export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

export const state: SessionState = {
  status: 'running',
  reason: null,
  committed: 0,
  round: { phase: 'waiting', number: 1, attempt: 1 },
  failure: null,
  nodes: {},
  responseTimesMs: [],
  openings: {},
  best: null,
};

export function checkpointOf(round: number, d = 12, seed = round): Checkpoint {
  return {
    round,
    createdAtMs: 5000 + seed,
    tensors: [
      { name: 'weight', shape: [2, d / 4] },
      { name: 'nothing', shape: [0] },
      { name: 'bias', shape: [d / 2] },
    ],
    model: rowOf(d, seed),
    optimizer: { step: round, vectors: { momentum: rowOf(d, seed + 1000) } },
    state: { ...state, committed: round },
    announcements: round === 0 ? [] : [{ type: 'round-committed', round, metrics: { loss: 0.5 } }],
    eventsBefore: round * 10,
    record: round === 0 ? null : { round, rule: 'median' },
  };
}

/** What node i sends in a round of the child's training. */
export const trainSeed = (round: number, i: number): number => round * 100 + i;

export const nodeEntry = (id: string, registeredAtMs = 1): NodeEntry => ({
  id,
  tokenHash: null,
  publicKey: null,
  capabilities: { cores: 4 },
  sessions: ['s'],
  registeredAtMs,
});

export const sessionEntry = (id: string, status: SessionStatus = 'created'): SessionEntry => ({
  id,
  config: { rounds: 3 },
  createdAtMs: 1,
  status,
  reason: null,
});

/** What makes a session's folder one that the journal knows. */
export async function recordSession(store: Store, id: string): Promise<void> {
  if (store.sessions.some((session) => session.id === id)) return;
  await store.record({ type: 'session', session: sessionEntry(id) });
}
