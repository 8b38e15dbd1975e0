/** A server with a session, its model and its nodes, ready for updates. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillWithNoise } from '../updates.js';
import { startChild, type Child } from './child.js';
import { inParallel, Connections } from './requests.js';
import type { ServerOptions } from './serverChild.js';

export interface SceneOptions {
  readonly disk?: boolean;
  readonly digests?: boolean;
  readonly memoryLimitBytes?: number;
  readonly keepEvents?: number;
  readonly nodes: number;
  readonly d: number;
  readonly pipeline?: string;
  readonly rounds?: number;
  readonly connections?: number;
}

export interface Scene {
  readonly child: Child;
  readonly connections: Connections;
  /** The path of a node's update. */
  path(round: number, node: number): string;
  /** Resolves when the round is committed. */
  committed(round: number): Promise<void>;
  close(): Promise<void>;
}

const session = 'bench';
const pollMs = 5;

export const nodeName = (node: number): string => `node-${String(node).padStart(4, '0')}`;

/** The bytes of one update: small noise, the same for every node, because the values don't affect the measurements. */
export function updateBytes(d: number): Uint8Array {
  const values = new Float32Array(d);
  fillWithNoise(values, 7, 0.01);
  return new Uint8Array(values.buffer);
}

export async function startScene(options: SceneOptions): Promise<Scene> {
  const { nodes, d, pipeline = 'mean', rounds = 1000, disk = false, digests = true } = options;
  const folder = disk ? await mkdtemp(join(tmpdir(), 'quorate-bench-')) : null;
  const { memoryLimitBytes, keepEvents } = options;
  const serverOptions: ServerOptions = {
    folder,
    digests,
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    ...(keepEvents === undefined ? {} : { keepEvents }),
  };
  const child = await startChild('serverChild', serverOptions);
  const connections = new Connections(child.url, options.connections ?? 8);
  const base = `/v1/sessions/${session}`;

  await connections.json('POST', '/v1/sessions', {
    id: session,
    pipeline,
    rounds,
    quorum: nodes,
    deadlineMs: 3_600_000,
  });
  await inParallel(
    8,
    Array.from({ length: nodes }, (_, node) => async () => {
      await connections.json('POST', '/v1/nodes', { id: nodeName(node), sessions: [session] });
    }),
  );
  await connections.send('PUT', `${base}/model`, new Uint8Array(4 * d));
  await connections.json('POST', `${base}/start`);
  return {
    child,
    connections,
    path: (round, node) => `${base}/rounds/${round}/updates/${nodeName(node)}`,
    async committed(round) {
      for (;;) {
        const { committed } = (await connections.json('GET', base)) as { committed: number };
        if (committed >= round) return;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },
    async close() {
      connections.close();
      await child.stop();
    },
  };
}
