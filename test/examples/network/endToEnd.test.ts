/**
 * Everything at once, in real processes: a server and ten nodes on MNIST digits, three of them attacking. Nothing is
 * left to chance but the order in which things happen, and the model must not depend on that.
 */
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJudge, runInProcess, type Result } from '../../../examples/network/inProcess.js';
import { Processes } from '../../../examples/network/processes.js';
import type { Setting } from '../../../examples/network/setting.js';
import { trainOverNetwork } from '../../../examples/network/training.js';
import { loadDigits, split } from '../../../examples/mnist/digits.js';
import { runFederation } from '../../../examples/mnist/federation.js';
import { createNetwork } from '../../../examples/mnist/network.js';
import { partition } from '../../../examples/mnist/partition.js';
import { aggregate, parsePipeline } from '../../../src/index.js';
import { freePort } from '../../support/freePort.js';

const setting: Setting = {
  nodes: 10,
  dishonest: ['label-flipping', 'sign-flipping', 'inner-product-manipulation'],
  pipeline: 'nnm(f=3) > trimmed-mean(f=3)',
  rounds: 16,
  seed: 5,
};

describe('ten nodes over a network', function () {
  this.timeout(240_000);
  const { signal } = new AbortController();
  let folder: string;
  let processes: Processes;
  let expected: Result;
  let accuracyOf: (model: Float32Array) => number;

  before(async () => {
    expected = await runInProcess(setting);
    accuracyOf = await createJudge(setting);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-network-'));
    processes = new Processes();
  });
  afterEach(async () => {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('end with the model of a run in one process, bit for bit, although the server was killed', async () => {
    const port = String(await freePort());
    const flags = ['--port', port, '--data', folder];
    let server = await processes.serve(flags);
    let killed = 0;
    let restarted: Promise<void> | undefined;
    const restart = async (): Promise<void> => {
      server.child.kill('SIGKILL');
      await server.ended;
      server = await processes.serve(flags);
    };
    const rounds: number[] = [];
    const { model, digest } = await trainOverNetwork({
      processes,
      server: server.url,
      session: 'digits',
      setting,
      signal,
      onRound: (round) => {
        rounds.push(round);
        if (round < setting.rounds / 2 || killed > 0) return;
        killed = round;
        restarted = restart();
      },
    });
    await restarted;
    expect(killed).within(setting.rounds / 2, setting.rounds - 1);
    expect(rounds.at(-1)).equal(setting.rounds);
    expect(digest).equal(expected.digest);
    expect(accuracyOf(model)).equal(accuracyOf(expected.model));
  });

  it('reach the accuracy of the demo in one process', async () => {
    const digits = await loadDigits();
    const network = createNetwork(32);
    const { train, test } = split(digits, 1000, setting.seed);
    const rule = parsePipeline(setting.pipeline);
    const measurements = await runFederation({
      network,
      digits,
      held: partition(digits, train, setting.nodes, { kind: 'uniform' }, setting.seed),
      attackers: setting.dishonest.length,
      dishonesty: { kind: 'label-flipping' },
      aggregate: async (updates) => (await aggregate([...updates], rule)).value,
      rounds: setting.rounds,
      learningRate: 1.5,
      momentum: 0.9,
      batchSize: 16,
      seed: setting.seed,
      test,
      evaluateEvery: setting.rounds,
    });
    const liars: Setting = { ...setting, dishonest: ['label-flipping', 'label-flipping', 'label-flipping'] };
    const { url } = await processes.serve(['--port', '0', '--data', folder]);
    const trained = await trainOverNetwork({
      processes,
      server: url,
      session: 'liars',
      setting: liars,
      signal,
      onRound: () => undefined,
    });
    expect(accuracyOf(trained.model)).closeTo(measurements.at(-1)!.accuracy, 0.02).and.greaterThan(0.5);
  });
});
