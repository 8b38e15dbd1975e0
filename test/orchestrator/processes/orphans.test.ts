/** Whatever is killed, nothing is left behind. Processes are known by a mark that they inherit. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { start, type Started } from '../../cli/command.js';
import { newFolder, removeFolders } from '../../support/coordinator/folders.js';
import {
  childrenOf,
  hasProcesses,
  isGone,
  mark,
  type Marked,
  until,
} from '../../support/orchestrator/marked.js';
import { random } from '../../support/random.js';

const forever = 'while :; do sleep 1000; done';
const leader = `: leader; ${forever}`;

/** A child in its group that ignores SIGTERM, one that has left the group, and a check that hangs. */
const system = (stopDeadlineMs: number) => ({
  components: {
    family: {
      command: ['sh', '-c', `sh -c "trap '' TERM; ${forever}" & setsid sh -c '${forever}' & ${leader}`],
      stopDeadlineMs,
      restarts: { firstMs: 1, maxMs: 1 },
    },
    hanging: {
      command: ['sh', '-c', forever],
      health: { exec: ['sh', '-c', forever], timeoutMs: 60_000 },
      dependsOn: ['family'],
      stopDeadlineMs,
    },
  },
});
/** One of each shell. */
const SLEEPING = 5;

describe('quorate up leaves nothing behind', function () {
  let folder: string;
  let marked: Marked;
  let command: Started;

  before(function () {
    if (!hasProcesses) this.skip();
  });
  beforeEach(async () => {
    folder = await newFolder();
    marked = mark();
  });
  afterEach(async () => {
    command.child.kill('SIGKILL');
    await command.result;
    for (const pid of marked.pids()) process.kill(pid, 'SIGKILL'); // of a test that failed
    await marked.gone();
    await removeFolders();
  });

  async function up(stopDeadlineMs = 300): Promise<void> {
    await writeFile(join(folder, 'quorate.yaml'), JSON.stringify(system(stopDeadlineMs)));
    command = start(['up'], { cwd: folder, env: marked.env });
    await command.says('family starting');
  }

  async function upCompletely(stopDeadlineMs?: number): Promise<void> {
    await up(stopDeadlineMs);
    await until(isComplete);
  }

  const isComplete = (): boolean => marked.running(/^sleep 1000/).length === SLEEPING;
  const guards = (): number[] => childrenOf(command.child.pid!, 'reaperProcess');
  const lastGuards = (): number[] => childrenOf(command.child.pid!, 'while read -r line');
  const signal = (signal: NodeJS.Signals): void => void command.child.kill(signal);

  it('when it is told to end', async () => {
    await upCompletely();
    const [guard] = guards();
    signal('SIGINT');
    await command.result;
    expect(marked.pids()).deep.equal([]);
    await until(() => isGone(guard!));
  });

  it('when it is told to end twice, though they had an hour for it', async () => {
    await upCompletely(3_600_000);
    signal('SIGINT');
    await command.says('stopping');
    while (command.child.exitCode === null && command.child.signalCode === null) {
      signal('SIGINT'); // one that comes with the first is taken as the same
      await pause(100);
    }
    await command.result;
    expect(marked.pids()).deep.equal([]);
  });

  it('when it is killed', async () => {
    await upCompletely();
    const [guard] = guards();
    signal('SIGKILL');
    await marked.gone();
    await until(() => isGone(guard!));
  });

  it('when it is killed at any moment of its start', async () => {
    const { whole } = random(7);
    for (let kill = 0; kill < 5; kill++) {
      await up();
      await pause(whole(0, 60));
      signal('SIGKILL');
      await command.result;
      await marked.gone();
    }
  });

  it('when its guard is killed, and then it is', async () => {
    await upCompletely();
    const [first] = guards();
    process.kill(first!, 'SIGKILL');
    await until(() => guards().some((pid) => pid !== first));
    const second = guards().find((pid) => pid !== first)!;
    signal('SIGKILL');
    await marked.gone();
    await until(() => isGone(second));
  });

  it('when it and its guard are killed in the same moment', async () => {
    await upCompletely(3_600_000);
    const [last] = lastGuards();
    for (const pid of [command.child.pid!, ...guards()]) process.kill(pid, 'SIGSTOP');
    for (const pid of [command.child.pid!, ...guards()]) process.kill(pid, 'SIGKILL');
    await marked.gone();
    await until(() => isGone(last!));
  });

  it('when its last guard is killed, and then it and its guard are', async () => {
    await upCompletely();
    const [guard] = guards();
    const [last] = lastGuards();
    process.kill(last!, 'SIGKILL');
    await until(() => guards().some((pid) => pid !== guard) && lastGuards().some((pid) => pid !== last));
    const killed = [command.child.pid!, ...guards()];
    for (const pid of killed) process.kill(pid, 'SIGSTOP');
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await marked.gone();
  });

  it('when it is told to end, its last guard included', async () => {
    await up();
    const [last] = lastGuards();
    signal('SIGTERM');
    await command.result;
    await until(() => isGone(last!));
  });

  it('when it has a process namespace of its own, and sees the processes of another', async function () {
    const own = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
    if (spawnSync('unshare', [...own, 'true']).status !== 0) this.skip();
    await writeFile(join(folder, 'quorate.yaml'), JSON.stringify(system(300)));
    command = start(['up'], { cwd: folder, env: marked.env, by: ['unshare', ...own] });
    await until(isComplete);
    const [first] = childrenOf(command.child.pid!, 'quorate');
    process.kill(first!, 'SIGTERM');
    const { code, err } = await command.result;
    expect([code, err]).deep.equal([0, '']);
  });

  it('when a component is killed: its children go with it, and it begins anew', async () => {
    await upCompletely();
    const before = marked.pids();
    const [killed] = marked.running(/: leader/);
    const children = marked.running(/^sleep 1000/);
    process.kill(killed!, 'SIGKILL');
    await command.says('ended by SIGKILL; again in');
    await until(() => isComplete() && marked.running(/^sleep 1000/).some((pid) => !children.includes(pid)));
    const [anew] = marked.running(/: leader/);
    expect(before).not.include(anew);
    expect(marked.running(/: leader/)).length(1);
  });

  it('when a component’s child is killed: that is the component’s own affair', async () => {
    await upCompletely();
    const [child] = marked.running(/trap/).filter((pid) => !marked.running(/: leader/).includes(pid));
    process.kill(child!, 'SIGKILL');
    await until(() => isGone(child!));
    expect(command.out()).not.include('family ended');
  });
});
