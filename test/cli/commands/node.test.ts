/** `quorate node`, in a process of its own, with a server in this one. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openStage, type Stage, startSession } from '../../client/stage.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { run, start } from '../command.js';

describe('quorate node', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  /** The command line of a node whose trainer returns this. */
  const lineFor = async (trainer: string): Promise<string[]> => {
    const file = join(temporaryFolder(), 'trainer.mjs');
    await writeFile(file, `export const createTrainer = () => (${trainer});`);
    return ['node', '--server', stage.url, '--session', 'job', '--id', 'one', '--trainer', file];
  };

  it('sits out a round that refuses all of its updates, and fails if every round did', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 1 });
    const line = lineFor('{ train: ({ model }) => ({ update: model.values.fill(NaN) }) }');
    const node = start(await line);
    await node.says('round 1: sat out: NON_FINITE: ');
    await stage.coordinator.stop('job');
    const { code, err } = await node.result;
    expect(code).equal(1);
    expect(err).match(/^quorate: NON_FINITE: every update of this node was refused, in 1 round; the last: /);
    const shown = await run(['session', 'show', 'job', '--server', stage.url]);
    expect(shown.out).include('4 NON_FINITE');
  });
});
