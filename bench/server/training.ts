/** How many samples per second ten node processes train on, with real digits over the network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJudge } from '../../examples/network/inProcess.js';
import { Processes } from '../../examples/network/processes.js';
import { type Setting, trainConfigOf } from '../../examples/network/setting.js';
import { trainOverNetwork } from '../../examples/network/training.js';
import { atExit } from '../cleanup.js';
import type { ServerMeasure } from './measure.js';

export const training: ServerMeasure = {
  name: 'training',
  summary: 'training throughput of ten node processes on MNIST, three of them attacking',
  async run({ quick }) {
    const setting: Setting = {
      nodes: 10,
      dishonest: ['sign-flipping', 'sign-flipping', 'sign-flipping'],
      pipeline: 'nnm(f=3) > trimmed-mean(f=3)',
      rounds: quick ? 30 : 200,
      seed: 1,
    };
    const folder = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
    const processes = new Processes();
    const forget = atExit(() => processes.kill());
    const judge = await createJudge(setting);
    const committedMs: number[] = [];
    try {
      const { url } = await processes.serve(['--port', '0', '--data', folder]);
      const { model } = await trainOverNetwork({
        processes,
        server: url,
        session: 'bench',
        setting,
        onRound: () => committedMs.push(performance.now()),
        signal: new AbortController().signal,
      });
      // Measured from the first commit, so that starting ten processes isn't counted.
      const seconds = (committedMs.at(-1)! - committedMs[0]!) / 1000;
      const rounds = committedMs.length - 1;
      const samples = rounds * setting.nodes * trainConfigOf(setting).batchSize;
      const what = `ten node processes, batches of ${trainConfigOf(setting).batchSize}, disk store`;
      return [
        { what: `${what}: samples trained on`, value: samples / seconds, unit: '/s' },
        { what: `${what}: rounds`, value: rounds / seconds, unit: '/s' },
        { what: `accuracy after ${setting.rounds} rounds`, value: 100 * judge(model), unit: '%' },
      ];
    } finally {
      await processes.stop();
      forget();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
