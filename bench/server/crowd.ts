/** A thousand idle nodes: a WebSocket each, and heartbeats. */
import WebSocket from 'ws';
import type { ServerMeasure } from './measure.js';
import { inParallel } from './requests.js';
import { nodeName, type Scene, startScene } from './scene.js';

const heartbeatMs = 5000;

const heartbeat = (scene: Scene, node: number): Promise<unknown> =>
  scene.connections.json('POST', `/v1/nodes/${nodeName(node)}/heartbeat`);

export const crowd: ServerMeasure = {
  name: 'crowd',
  summary: '1,000 nodes with open sockets and heartbeats: memory per node, processor time',
  async run({ quick }) {
    const nodes = quick ? 200 : 1000;
    const seconds = quick ? 5 : 20;
    const scene = await startScene({ nodes, d: 1000, connections: 50 });
    const sockets: WebSocket[] = [];
    try {
      // Each node's first heartbeat is an event to every socket, so send it before measuring the steady state.
      await inParallel(
        50,
        Array.from({ length: nodes }, (_, node) => () => heartbeat(scene, node)),
      );
      const before = await scene.child.usage();
      const address = `${scene.child.url.replace('http', 'ws')}/v1/events`;
      await inParallel(
        50,
        Array.from({ length: nodes }, () => async () => {
          const socket = new WebSocket(address);
          sockets.push(socket);
          await new Promise((resolve, reject) => {
            socket.once('message', resolve).once('error', reject);
          });
        }),
      );
      const began = await scene.child.usage();
      const started = performance.now();
      const beats: Promise<unknown>[] = [];
      let next = 0;
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          const due = ((performance.now() - started) / heartbeatMs) * nodes;
          for (; next < due; next++) {
            beats.push(heartbeat(scene, next % nodes));
          }
          if (performance.now() - started < seconds * 1000) return;
          clearInterval(timer);
          resolve();
        }, 10);
      });
      await Promise.all(beats);
      const elapsedMs = performance.now() - started;
      const after = await scene.child.usage();
      return [
        {
          what: `${nodes} open sockets: heap per node`,
          value: (after.heapBytes - before.heapBytes) / nodes / 1000,
          unit: 'kB',
        },
        {
          what: `${nodes} open sockets: resident memory of the server`,
          value: after.residentBytes / 1e6,
          unit: 'MB',
          beside: { what: 'MB before they were opened', value: before.residentBytes / 1e6 },
        },
        {
          what: `${nodes} nodes, a heartbeat every ${heartbeatMs / 1000} s: share of one core`,
          value: (100 * (after.cpuMs - began.cpuMs)) / elapsedMs,
          unit: '%',
        },
      ];
    } finally {
      for (const socket of sockets) socket.terminate();
      await scene.close();
    }
  },
};
