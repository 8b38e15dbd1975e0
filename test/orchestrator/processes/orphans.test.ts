/** Whatever is killed, no process survives. The tests find processes by a mark that they inherit. */
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

/** It may have ended since it was listed. */
function killIfRunning(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const forever = 'while :; do sleep 1000; done';
const leader = `: leader; ${forever}`;

/** A child in its group that ignores SIGTERM, one that has left the group, and a hanging check. */
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

describe('quorate up leaves no process behind', function () {
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
    for (const pid of marked.pids()) killIfRunning(pid); // of a test that failed
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
  const reapers = (): number[] => childrenOf(command.child.pid!, 'reaperProcess');
  const fallbackReapers = (): number[] => childrenOf(command.child.pid!, 'while read -r line');
  const signal = (signal: NodeJS.Signals): void => void command.child.kill(signal);

  it('when it is interrupted', async () => {
    await upCompletely();
    const [reaper] = reapers();
    signal('SIGINT');
    await command.result;
    expect(marked.pids()).deep.equal([]);
    await until(() => isGone(reaper!));
  });

  it('when it is interrupted twice, although its components had an hour to stop', async () => {
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
    const [reaper] = reapers();
    signal('SIGKILL');
    await marked.gone();
    await until(() => isGone(reaper!));
    expect(marked.pids()).deep.equal([]);
  });

  it('when it is killed at any moment of its start', async () => {
    const { whole } = random(7);
    for (let kill = 0; kill < 5; kill++) {
      await up();
      await pause(whole(0, 60));
      signal('SIGKILL');
      await command.result;
      await marked.gone();
      expect(marked.pids()).deep.equal([]);
    }
  });

  it('when its reaper is killed, and then it is', async () => {
    await upCompletely();
    const [first] = reapers();
    process.kill(first!, 'SIGKILL');
    await until(() => reapers().some((pid) => pid !== first));
    const second = reapers().find((pid) => pid !== first)!;
    signal('SIGKILL');
    await marked.gone();
    await until(() => isGone(second));
    expect(marked.pids()).deep.equal([]);
  });

  it('when it and its reaper are killed at the same moment', async () => {
    await upCompletely(3_600_000);
    const [fallback] = fallbackReapers();
    for (const pid of [command.child.pid!, ...reapers()]) process.kill(pid, 'SIGSTOP');
    for (const pid of [command.child.pid!, ...reapers()]) process.kill(pid, 'SIGKILL');
    await marked.gone();
    await until(() => isGone(fallback!));
    expect(marked.pids()).deep.equal([]);
  });

  it('when its fallback reaper is killed, and then it and its reaper are', async () => {
    await upCompletely();
    const [reaper] = reapers();
    const [fallback] = fallbackReapers();
    process.kill(fallback!, 'SIGKILL');
    await until(
      () => reapers().some((pid) => pid !== reaper) && fallbackReapers().some((pid) => pid !== fallback),
    );
    const killed = [command.child.pid!, ...reapers()];
    for (const pid of killed) process.kill(pid, 'SIGSTOP');
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await marked.gone();
    expect(marked.pids()).deep.equal([]);
  });

  it('when it is stopped, and its fallback reaper ends too', async () => {
    await up();
    const [fallback] = fallbackReapers();
    signal('SIGTERM');
    await command.result;
    expect(marked.pids()).deep.equal([]);
    await until(() => isGone(fallback!));
  });

  it('when it has its own process namespace, and sees the processes of another', async function () {
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

  it('when a component is killed: its children end with it, and it is restarted', async () => {
    await upCompletely();
    const before = marked.pids();
    const [killed] = marked.running(/: leader/);
    const children = marked.running(/^sleep 1000/);
    process.kill(killed!, 'SIGKILL');
    await command.says('ended by SIGKILL; restarting in');
    await until(() => isComplete() && marked.running(/^sleep 1000/).some((pid) => !children.includes(pid)));
    const [anew] = marked.running(/: leader/);
    expect(before).not.include(anew);
    expect(marked.running(/: leader/)).length(1);
  });

  it('when a component’s child is killed, which is left to the component', async () => {
    await upCompletely();
    const [child] = marked.running(/trap/).filter((pid) => !marked.running(/: leader/).includes(pid));
    process.kill(child!, 'SIGKILL');
    await until(() => isGone(child!));
    expect(command.out()).not.include('family ended');
  });
});
