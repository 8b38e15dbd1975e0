/** How fast updates arrive, compared with bare node:http on the same machine; the contenders take turns. */
import { median } from '../statistics.js';
import { startChild } from './child.js';
import type { ServerFigure, ServerMeasure } from './measure.js';
import { inParallel, Connections } from './requests.js';
import { startScene, updateBytes, type Scene } from './scene.js';
import type { SinkOptions } from './sink.js';

const nodes = 100;
const connections = 4;
/** Until the store forgets its first rounds, updates fill memory that is fresh from the system; then a few more. */
const warmUps = 6;
const turns = 10;

/** MB/s of one round's updates, from the first byte sent to the last acknowledgement. */
async function throughput(
  through: Connections,
  body: Uint8Array,
  path: (node: number) => string,
): Promise<number> {
  through.close(); // connections that sat idle during the others' turns may be about to close
  const began = performance.now();
  const tasks = Array.from({ length: nodes }, (_, node) => () => through.send('PUT', path(node), body));
  await inParallel(connections, tasks);
  return (nodes * body.length) / 1e3 / (performance.now() - began);
}

interface Contender {
  readonly name: string;
  readonly of: 'quorate' | 'sink';
  run(turn: number): Promise<number>;
  close(): Promise<void>;
}

async function sink(name: string, kind: SinkOptions['kind'], body: Uint8Array): Promise<Contender> {
  const child = await startChild('sink', { kind } satisfies SinkOptions);
  const through = new Connections(child.url, connections);
  return {
    name,
    of: 'sink',
    run: () => throughput(through, body, (node) => `/${node}`),
    async close() {
      through.close();
      await child.stop();
    },
  };
}

async function quorate(
  name: string,
  body: Uint8Array,
  options: { readonly disk?: boolean; readonly digests?: boolean },
): Promise<Contender> {
  const scene: Scene = await startScene({ ...options, nodes, d: body.length / 4, connections });
  return {
    name,
    of: 'quorate',
    async run(turn) {
      const speed = await throughput(scene.connections, body, (node) => scene.path(turn, node));
      await scene.committed(turn); // keep its aggregation out of the others' time
      return speed;
    },
    close: () => scene.close(),
  };
}

export const ingest: ServerMeasure = {
  name: 'ingest',
  summary: '100 updates of 1,000,000 over loopback, compared with a bare node:http that discards them',
  async run({ quick }) {
    const body = updateBytes(quick ? 100_000 : 1_000_000);
    const size = `${nodes} updates of ${body.length / 1e6} MB`;
    const contenders = [
      await sink('discard', 'discard', body),
      await sink('hash', 'hash', body),
      await sink('disk sink', 'disk', body),
      await quorate('memory, no digests', body, { digests: false }),
      await quorate('memory, SHA-256', body, {}),
      await quorate('disk', body, { disk: true }),
    ];
    const speeds = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    try {
      for (let turn = 1; turn <= warmUps + (quick ? 2 : turns); turn++) {
        // Forward, then backward, so that one contender's aftermath doesn't always hit the same next one.
        for (const contender of turn % 2 ? contenders : contenders.toReversed()) {
          const speed = await contender.run(turn);
          if (turn > warmUps) speeds.get(contender.name)!.push(speed);
        }
      }
    } finally {
      for (const contender of contenders) await contender.close();
    }
    const of = (name: string): number => median(speeds.get(name)!);
    const discarded = { what: 'MB/s bare, discarded', value: of('discard') };
    const figures: ServerFigure[] = [
      {
        what: `ingest in memory, no digests, ${size}`,
        value: of('memory, no digests'),
        unit: 'MB/s',
        beside: discarded,
        target: { bound: 75, sense: 'at least' },
      },
      {
        what: `ingest in memory, SHA-256`,
        value: of('memory, SHA-256'),
        unit: 'MB/s',
        beside: discarded,
        target: { bound: 45, sense: 'at least' },
      },
      {
        what: 'ingest in memory, SHA-256',
        value: of('memory, SHA-256'),
        unit: 'MB/s',
        beside: { what: 'MB/s bare, copied and hashed', value: of('hash') },
      },
      {
        what: 'ingest to disk, SHA-256, fsync',
        value: of('disk'),
        unit: 'MB/s',
        beside: { what: 'MB/s bare, written and fsynced', value: of('disk sink') },
      },
    ];
    return figures;
  },
};
