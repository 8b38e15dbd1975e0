import { expect } from 'chai';
import { spawn } from 'node:child_process';
import * as files from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpdateReceipt } from '../../src/protocol/views.js';
import {
  accuracyOf,
  D,
  type Evaluated,
  finishRun,
  NODES,
  openRun,
  ROUNDS,
} from '../support/coordinator/crashRun.js';
import { directRun } from '../support/coordinator/directRun.js';
import { type Scene, SESSION, startModel, testEngine, updateOf } from '../support/coordinator/scene.js';
import { expectRefusal } from '../support/refusal.js';

const child = fileURLToPath(new URL('../support/coordinator/crashChild.js', import.meta.url));

interface Life {
  readonly signal: NodeJS.Signals | null;
  readonly receipts: readonly UpdateReceipt[];
  readonly evaluated: readonly Evaluated[];
  readonly operations: number | undefined;
}

/** A life of the process, up to its k-th operation on files; 0: to its end. */
async function live(folder: string, k: number, before: readonly Evaluated[] = []): Promise<Life> {
  const life = spawn(process.execPath, [child, folder, String(k), JSON.stringify(before)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  life.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
    life.on('close', (_code, signal) => resolve(signal)),
  );
  const lines = text.split('\n').filter((line) => line.endsWith('}'));
  const all = lines.map((line) => JSON.parse(line) as UpdateReceipt | Evaluated | { operations: number });
  return {
    signal,
    receipts: all.filter((line) => 'digest' in line),
    evaluated: all.filter((line) => 'evaluated' in line),
    operations: all.find((line) => 'operations' in line)?.operations,
  };
}

/** Each is in its round, once, with these bytes; and another one is not taken in its place. */
async function expectInRounds(stage: Scene, receipts: readonly UpdateReceipt[]): Promise<void> {
  for (const { round, node, digest } of receipts) {
    const { updates } = await stage.coordinator.round(SESSION, round);
    const theirs = updates.filter((update) => update.node === node);
    expect(
      theirs.map((update) => update.digest),
      `${node} in round ${round}`,
    ).deep.equal([digest]);
    await expectRefusal(() => stage.send(node, round, updateOf(99, round, D)), 'CONFLICTING_UPDATE');
  }
}

describe('a coordinator on disk that is killed', () => {
  let folder: string;
  let digests: string[];
  before(async () => {
    const run = {
      pipeline: 'nnm(f=1) > trimmed-mean(f=1)',
      optimizer: 'fed-adam',
      updates: 'delta',
      rounds: ROUNDS,
      start: startModel(D),
      rows: (round: number) => Array.from({ length: NODES }, (_, node) => updateOf(node, round, D)),
    } as const;
    digests = await directRun(run, testEngine());
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-crash-'));
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  /** Goes on after the last life, to the run's end. */
  async function resume({ receipts, evaluated }: Pick<Life, 'receipts' | 'evaluated'>): Promise<void> {
    const stage = await openRun(folder, files);
    await expectInRounds(stage, receipts);
    await finishRun(stage, () => undefined, evaluated);
    expect((await stage.coordinator.model(SESSION)).digest).equal(digests[ROUNDS]);
    await expectInRounds(stage, receipts);
    const rounds = await stage.coordinator.rounds(SESSION, { from: 1, limit: 100 });
    expect(rounds.map(({ number, accepted }) => [number, accepted])).deep.equal(
      Array.from({ length: ROUNDS }, (_, i) => [i + 1, NODES]),
    );
    // Of one that was lost, or counted twice, the mean would be another.
    const metrics = await stage.coordinator.metrics(SESSION, { from: 1, limit: 100 });
    expect(
      metrics.map((point) => [point.metrics.accuracy, Math.fround(point.metrics['accuracy.mean']!)]),
    ).deep.equal(Array.from({ length: ROUNDS }, (_, i) => [accuracyOf(1, i + 1), accuracyOf(1, i + 1)]));
    expect(stage.errors).deep.equal([]);
    await stage.coordinator.close();
  }

  const POINTS = 16;
  let operations = 0;
  before(async () => {
    const whole = await mkdtemp(join(tmpdir(), 'quorate-crash-'));
    try {
      const life = await live(whole, 0);
      expect(life.signal).equal(null);
      expect(life.receipts).length(NODES * ROUNDS);
      expect(life.evaluated).length(NODES * ROUNDS);
      operations = life.operations!;
    } finally {
      await rm(whole, { recursive: true, force: true });
    }
  });

  for (let point = 1; point <= POINTS; point++) {
    it(`after ${point} of ${POINTS} parts of its work ends with the same model, and all that it acknowledged`, async () => {
      const life = await live(folder, Math.ceil((operations * point) / POINTS) - 1);
      expect(life.signal).equal('SIGKILL');
      await resume(life);
    });
  }

  it('again and again gets there nonetheless', async () => {
    const receipts: UpdateReceipt[] = [];
    const evaluated: Evaluated[] = [];
    for (let life = 1; life <= 6; life++) {
      // Each goes further than the last, which also has to look at all that is there.
      const more = await live(folder, Math.ceil((operations * (life + 1)) / 10), evaluated);
      receipts.push(...more.receipts.filter(({ repeated }) => !repeated));
      evaluated.push(...more.evaluated);
    }
    expect(receipts.length).above(0);
    expect(evaluated.length).above(0);
    await resume({ receipts, evaluated });
  });
});
