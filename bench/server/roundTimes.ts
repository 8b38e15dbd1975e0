/** How long a round takes from its opening to its commit if the nodes respond at once: the server's own share. */
import { median } from '../statistics.js';
import type { ServerFigure, ServerMeasure } from './measure.js';
import { inParallel } from './requests.js';
import { startScene, updateBytes, type Scene } from './scene.js';

/** The size of the CNN in PyTorch's MNIST example (pytorch/examples, mnist/main.py): two convolutions, two dense layers. */
export const cnnParameters = 1_199_882;

async function oneRound(scene: Scene, round: number, nodes: number, body: Uint8Array): Promise<number> {
  const began = performance.now();
  await inParallel(
    8,
    Array.from(
      { length: nodes },
      (_, node) => () => scene.connections.send('PUT', scene.path(round, node), body),
    ),
  );
  await scene.committed(round);
  return performance.now() - began;
}

export const roundTimes: ServerMeasure = {
  name: 'rounds',
  summary: 'round time for 10, 20, 50 and 100 nodes, memory and disk',
  async run({ quick }) {
    const d = quick ? 100_000 : cnnParameters;
    const body = updateBytes(d);
    const figures: ServerFigure[] = [];
    for (const disk of [false, true]) {
      for (const nodes of [10, 20, 50, 100]) {
        const pipeline = `trimmed-mean(f=${Math.floor(nodes / 5)})`;
        const scene = await startScene({ disk, nodes, d, pipeline });
        try {
          const taken: number[] = [];
          for (let round = 1; round <= (quick ? 3 : 5); round++) {
            const ms = await oneRound(scene, round, nodes, body);
            if (round > 1) taken.push(ms);
          }
          const what = `round of ${nodes} nodes × ${d.toLocaleString('en')}, ${pipeline}`;
          figures.push({ what: `${what}, ${disk ? 'disk' : 'memory'}`, value: median(taken), unit: 'ms' });
          const { peakBytes } = await scene.child.usage();
          figures.push({ what: `${what}: peak memory`, value: peakBytes / 1e6, unit: 'MB' });
        } finally {
          await scene.close();
        }
      }
    }
    return figures;
  },
};
