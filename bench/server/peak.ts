/** Peak memory of a server with a disk store while it receives and aggregates a round much larger than its memory. */
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { ServerMeasure } from './measure.js';
import { inParallel } from './requests.js';
import { startScene, updateBytes } from './scene.js';

const nodes = 100;

export const peak: ServerMeasure = {
  name: 'peak',
  summary: 'peak resident memory while 100 updates of 5,000,000 (2 GB) arrive on disk and are aggregated',
  async run({ quick }) {
    const d = quick ? 500_000 : 5_000_000;
    const bytes = nodes * d * 4;
    const { bavail, bsize } = await statfs(tmpdir());
    if (bavail * bsize < 1.2 * bytes) throw new Error(`${tmpdir()} has no space for ${bytes / 1e9} GB`);
    const scene = await startScene({
      disk: true,
      nodes,
      d,
      pipeline: 'trimmed-mean(f=20)',
      memoryLimitBytes: 256 * 2 ** 20,
    });
    try {
      const body = updateBytes(d);
      const began = performance.now();
      await inParallel(
        8,
        Array.from(
          { length: nodes },
          (_, node) => () => scene.connections.send('PUT', scene.path(1, node), body),
        ),
      );
      const arrived = performance.now();
      await scene.committed(1);
      const { peakBytes } = await scene.child.usage();
      const what = `${nodes} updates of ${d.toLocaleString('en')} (${bytes / 1e9} GB) to disk`;
      return [
        {
          what: `${what}, trimmed mean: peak memory`,
          value: peakBytes / 1e6,
          unit: 'MB',
          target: { bound: 600, sense: 'below' },
        },
        { what: `${what}: arrival`, value: (arrived - began) / 1000, unit: 's' },
        {
          what: `${what}: from the last update to the commit`,
          value: (performance.now() - arrived) / 1000,
          unit: 's',
        },
      ];
    } finally {
      await scene.close();
    }
  },
};
