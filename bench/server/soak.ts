/** Rounds for a while, with the server's memory sampled: it must not grow with the rounds. */
import type { ServerMeasure } from './measure.js';
import { atOnce } from './requests.js';
import { startScene, updateBytes } from './scene.js';

const nodes = 10;
const d = 25_000;

/** Bytes a second, by least squares. */
function slope(samples: readonly { readonly seconds: number; readonly bytes: number }[]): number {
  const n = samples.length;
  const meanX = samples.reduce((sum, { seconds }) => sum + seconds, 0) / n;
  const meanY = samples.reduce((sum, { bytes }) => sum + bytes, 0) / n;
  const above = samples.reduce((sum, { seconds, bytes }) => sum + (seconds - meanX) * (bytes - meanY), 0);
  const below = samples.reduce((sum, { seconds }) => sum + (seconds - meanX) ** 2, 0);
  return above / below;
}

export const soak: ServerMeasure = {
  name: 'soak',
  summary: '60 s of rounds with resident memory sampled',
  async run({ quick }) {
    const seconds = quick ? 10 : 60;
    const body = updateBytes(d);
    const scene = await startScene({
      disk: true,
      nodes,
      d,
      pipeline: 'trimmed-mean(f=2)',
      rounds: 1_000_000,
    });
    const samples: { seconds: number; bytes: number }[] = [];
    try {
      const began = performance.now();
      const elapsed = (): number => (performance.now() - began) / 1000;
      let round = 0;
      while (elapsed() < seconds) {
        round++;
        const to = round;
        await atOnce(
          nodes,
          Array.from(
            { length: nodes },
            (_, node) => () => scene.connections.send('PUT', scene.path(to, node), body),
          ),
        );
        await scene.committed(round);
        if (round % 10 === 0) {
          samples.push({ seconds: elapsed(), bytes: (await scene.child.usage()).residentBytes });
        }
      }
      const settled = samples.filter((sample) => sample.seconds > seconds / 3);
      const { peakBytes } = await scene.child.usage();
      return [
        {
          what: `rounds of ${nodes} × ${d.toLocaleString('en')} on disk`,
          value: round / elapsed(),
          unit: '/s',
        },
        { what: `${seconds} s of rounds: peak memory`, value: peakBytes / 1e6, unit: 'MB' },
        {
          what: `${seconds} s of rounds: growth of memory after a third of it`,
          value: slope(settled) / 1000,
          unit: 'kB/s',
        },
      ];
    } finally {
      await scene.close();
    }
  },
};
