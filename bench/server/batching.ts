/** Many small updates: all of them in one request, compared with one request each. */
import { median } from '../statistics.js';
import type { ServerMeasure } from './measure.js';
import { inParallel } from './requests.js';
import { startScene, updateBytes } from './scene.js';

const nodes = 100;
const d = 1000;
const turns = 20;

export const batching: ServerMeasure = {
  name: 'batching',
  summary: '100 small updates in one request to /v1/aggregate, compared with a round of one request each',
  async run() {
    const pipeline = 'trimmed-mean(f=20)';
    const scene = await startScene({ nodes, d, pipeline });
    const one = updateBytes(d);
    const all = Buffer.concat(Array.from({ length: nodes }, () => one));
    const together: number[] = [];
    const apart: number[] = [];
    try {
      for (let turn = 1; turn <= turns; turn++) {
        const path = `/v1/aggregate?rule=${encodeURIComponent(pipeline)}&n=${nodes}`;
        together.push((await scene.connections.send('POST', path, all)).ms);
        const began = performance.now();
        await inParallel(
          8,
          Array.from(
            { length: nodes },
            (_, node) => () => scene.connections.send('PUT', scene.path(turn, node), one),
          ),
        );
        await scene.committed(turn);
        apart.push(performance.now() - began);
      }
    } finally {
      await scene.close();
    }
    const what = `${nodes} updates of ${d.toLocaleString('en')} aggregated`;
    return [
      { what: `${what}, one request`, value: median(together), unit: 'ms' },
      { what: `${what}, a round of one request each`, value: median(apart), unit: 'ms' },
    ];
  },
};
