/** Peak memory of a server on disk while a round much larger than it arrives and is aggregated. */
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { ServerMeasure } from './measure.js';
import { atOnce } from './requests.js';
import { startScene, updateBytes } from './scene.js';

const nodes = 100;

export const peak: ServerMeasure = {
  name: 'peak',
  summary: 'peak resident memory while 100 updates of 5,000,000 (2 GB) arrive on disk and are aggregated',
  async run({ quick }) {
    const d = quick ? 500_000 : 5_000_000;
    const bytes = nodes * d * 4;
    const { bavail, bsize } = await statfs(tmpdir());
    if (bavail * bsize < 1.2 * bytes) throw new Error(`${tmpdir()} has no room for ${bytes / 1e9} GB`);
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
      await atOnce(
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
          what: `${what}: from the last to the commit`,
          value: (performance.now() - arrived) / 1000,
          unit: 's',
        },
      ];
    } finally {
      await scene.close();
    }
  },
};
