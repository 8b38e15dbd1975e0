/** A session in which updates of d values are expected, and what its upload tests share. */
import { createHash } from 'node:crypto';
import type { Gate } from './gate.js';
import { bytesOf, nodeName, type Scene, scene, SESSION } from './scene.js';

export const d = 20;

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** A session with an open round. */
export async function opened(
  nodes = 7,
  config: Parameters<Scene['begin']>[0] = { quorum: 2, targetUpdates: 7 },
) {
  const stage = await scene();
  await stage.register(nodes);
  await stage.begin(config, d);
  return stage;
}

/** What the session knows of a node. */
export const recordOf = (stage: Scene, node: number) =>
  stage.coordinator.session(SESSION).nodes.find((record) => record.node === nodeName(node))!;

/** A body whose second part comes when `rest` is opened. */
export async function* inTwoParts(update: Float32Array, begun: Gate, rest: Gate): AsyncGenerator<Uint8Array> {
  yield bytesOf(update).subarray(0, 30);
  begun.open();
  await rest.opened;
  yield bytesOf(update).subarray(30);
}
