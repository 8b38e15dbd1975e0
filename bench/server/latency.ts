/** How long a short request takes, on an idle server and while updates arrive. */
import { setImmediate } from 'node:timers/promises';
import type { ServerFigure, ServerMeasure } from './measure.js';
import { inParallel, Connections } from './requests.js';
import { quantile } from '../statistics.js';
import { startScene, updateBytes } from './scene.js';

const nodes = 100;

/** Milliseconds of consecutive requests, as long as `goOn` returns true. */
async function sample(
  connections: Connections,
  path: string,
  goOn: (count: number) => boolean,
): Promise<number[]> {
  const taken: number[] = [];
  while (goOn(taken.length)) {
    taken.push((await connections.send('GET', path)).ms);
    await setImmediate();
  }
  return taken;
}

const both = (what: string, taken: readonly number[]): ServerFigure[] =>
  [0.5, 0.99].map((q) => ({
    what: `GET ${what}, p${q * 100}`,
    value: quantile(taken, q),
    unit: 'ms',
  }));

export const latency: ServerMeasure = {
  name: 'latency',
  summary: 'p50 and p99 of short requests, idle and while updates arrive',
  async run({ quick }) {
    const body = updateBytes(quick ? 100_000 : 1_000_000);
    const scene = await startScene({ nodes, d: body.length / 4 });
    const asking = new Connections(scene.child.url, 1);
    const requests = quick ? 300 : 2000;
    const figures: ServerFigure[] = [];
    try {
      await sample(asking, '/v1/status', (count) => count < requests); // warms up
      for (const path of ['/v1/status', '/v1/sessions/bench', '/v1/rules']) {
        figures.push(...both(`${path}, idle`, await sample(asking, path, (count) => count < requests)));
      }
      let arriving = true;
      const ingesting = async (): Promise<void> => {
        for (let round = 1; round <= (quick ? 2 : 5); round++) {
          const tasks = Array.from(
            { length: nodes },
            (_, node) => () => scene.connections.send('PUT', scene.path(round, node), body),
          );
          await inParallel(4, tasks);
          await scene.committed(round);
        }
        arriving = false;
      };
      const [taken] = await Promise.all([sample(asking, '/v1/status', () => arriving), ingesting()]);
      figures.push(...both('/v1/status, while updates arrive', taken));
    } finally {
      asking.close();
      await scene.close();
    }
    return figures;
  },
};
