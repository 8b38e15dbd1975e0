/** A coordinator with what a test asks of it: nodes, a session, uploads, and events that are waited for. */
import { createCoordinator } from '../../../src/coordinator/index.js';
import type { Coordinator, CoordinatorOptions } from '../../../src/coordinator/coordinator.js';
import type { IncomingUpdate } from '../../../src/coordinator/ingest/readChunks.js';
import { createEngine, type Engine } from '../../../src/core/engine.js';
import type { SessionConfigInput } from '../../../src/protocol/sessionConfig.js';
import type { UpdateReceipt } from '../../../src/protocol/views.js';
import type { NumberedEvent } from '../../../src/store/store.js';
import { memoryStore } from '../../../src/store/memory/memoryStore.js';

let shared: Engine | undefined;

/** One for all tests: a thread is enough for their models. */
export const testEngine = (): Engine => (shared ??= createEngine({ threads: 1, memoryLimitBytes: 2 ** 25 }));

export const SESSION = 'digits';

export const tensors = (d: number) => [{ name: 'model', shape: [d] }];

export const startModel = (d: number): Float32Array =>
  Float32Array.from({ length: d }, (_, k) => (k % 7) / 8 - 0.25);

/** What node `node` sends for a round: the same whenever it is asked. */
export function updateOf(node: number, round: number, d: number): Float32Array {
  return Float32Array.from({ length: d }, (_, k) => Math.fround(Math.sin(node * 31 + round * 7 + k) / 4));
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A body in pieces of so many bytes. */
export async function* body(bytes: Uint8Array, pieceBytes = 64): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
}

export const nodeName = (node: number): string => `node-${String(node).padStart(2, '0')}`;

export class Scene {
  readonly coordinator: Coordinator;
  /** Of background work. */
  readonly errors: readonly unknown[];

  constructor(coordinator: Coordinator, errors: readonly unknown[]) {
    this.coordinator = coordinator;
    this.errors = errors;
  }

  async register(count: number, sessions: readonly string[] = [SESSION], from = 0): Promise<void> {
    for (let node = from; node < from + count; node++) {
      await this.coordinator.registerNode({
        id: nodeName(node),
        sessions: [...sessions],
        capabilities: {},
        publicKey: null,
      });
    }
  }

  /** A session with its model, started. */
  async begin(config: Partial<SessionConfigInput> & { quorum: number }, d = 20): Promise<void> {
    const id = config.id ?? SESSION;
    await this.coordinator.createSession({ pipeline: 'mean', ...config, id });
    await this.coordinator.setModel(id, { tensors: tensors(d), values: startModel(d) });
    await this.coordinator.start(id);
  }

  send(
    node: number | string,
    round: number,
    update: Float32Array,
    more: Partial<IncomingUpdate> = {},
  ): Promise<UpdateReceipt> {
    return this.coordinator.receiveUpdate({
      session: SESSION,
      round,
      node: typeof node === 'number' ? nodeName(node) : node,
      format: { kind: 'f32' },
      body: body(bytesOf(update)),
      bodyDigest: null,
      numExamples: null,
      metrics: {},
      ...more,
    });
  }

  /** The first event of this kind, of those that were and those that come. */
  event(wanted: (body: Readonly<Record<string, unknown>>) => boolean, since = 0): Promise<NumberedEvent> {
    const { events } = this.coordinator;
    const found = events.since(since, Infinity).find(({ body }) => wanted(body));
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => {
      const end = events.subscribe((event) => {
        if (event.number <= since || !wanted(event.body)) return;
        end();
        resolve(event);
      });
    });
  }

  committed(round: number, session = SESSION): Promise<NumberedEvent> {
    return this.event(
      (body) => body.type === 'round-committed' && body.round === round && body.session === session,
    );
  }

  opened(round: number, attempt = 1, session = SESSION): Promise<NumberedEvent> {
    return this.event(
      (body) =>
        body.type === 'round-opened' &&
        body.round === round &&
        body.attempt === attempt &&
        body.session === session,
    );
  }

  /** All that was told, of these kinds. */
  told(...types: string[]): readonly Readonly<Record<string, unknown>>[] {
    return this.coordinator.events
      .since(0, Infinity)
      .map(({ body }) => body)
      .filter(({ type }) => types.includes(type as string));
  }
}

/** A scene on a store; default: in memory. */
export async function scene(options: Partial<CoordinatorOptions> = {}): Promise<Scene> {
  const errors: unknown[] = [];
  const coordinator = await createCoordinator({
    store: memoryStore(),
    engine: testEngine(),
    onError: (error) => errors.push(error),
    ...options,
  });
  return new Scene(coordinator, errors);
}

/** All of these nodes' updates for a round, at once. */
export const sendAll = (stage: Scene, nodes: readonly number[], round: number, d: number) =>
  Promise.all(nodes.map((node) => stage.send(node, round, updateOf(node, round, d))));

/** An update as it is kept. */
export async function storedBytes(stage: Scene, round: number, node: number): Promise<Uint8Array> {
  const { bytes } = await stage.coordinator.update(SESSION, round, nodeName(node));
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}
