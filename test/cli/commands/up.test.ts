/** quorate up and quorate status, with real servers and nodes, and a tiny trainer. */
import { expect } from 'chai';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  readStatus,
  stateFolderOf,
  statusAddress,
  type SystemConfigInput,
  type SystemView,
} from '../../../src/orchestrator/index.js';
import { newFolder, removeFolders } from '../../support/coordinator/folders.js';
import { run, start, type Started } from '../command.js';

/** Each node adds 1 to every value, after a pause. */
const trainer = `
export const createTrainer = ({ pauseMs = 0 }) => ({
  async train({ model }) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    return { update: new Float32Array(model.values.length).fill(1) };
  },
});
`;

const training = (rounds: number, pauseMs = 0) =>
  ({
    server: {
      config: { listen: { port: 0 }, logLevel: 'warn' },
      restarts: { firstMs: 50 },
      health: { intervalMs: 200 },
    },
    sessions: [{ config: { id: 'job', pipeline: 'median', quorum: 3, rounds }, zeros: 2 }],
    nodes: [
      { session: 'job', count: 3, trainer: './trainer.mjs', set: { pauseMs }, restarts: { firstMs: 50 } },
    ],
  }) satisfies SystemConfigInput;

const forever = ['sh', '-c', 'while :; do sleep 1000; done'];

describe('quorate up', () => {
  let folder: string;
  let file: string;
  const running: Started[] = [];

  beforeEach(async () => {
    folder = await newFolder();
    file = join(folder, 'quorate.yaml');
    await writeFile(join(folder, 'trainer.mjs'), trainer);
  });
  afterEach(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.splice(0).map(({ result }) => result));
    await removeFolders();
  });

  async function up(system: SystemConfigInput, ...flags: readonly string[]): Promise<Started> {
    await writeFile(file, stringify(system));
    const started = start(['up', ...flags], { cwd: folder });
    running.push(started);
    return started;
  }

  const status = async (): Promise<SystemView> => readStatus(await statusAddress(stateFolderOf(file)));

  it('trains to the end of the session, stops the server, and ends with 0', async () => {
    const command = await up(training(4));
    const { code, out, err } = await command.result;
    expect([code, err], out).deep.equal([0, '']);
    for (const node of [1, 2, 3]) {
      expect(out).match(new RegExp(`^node-${node} +\\| session completed at round 4`, 'm'));
      expect(out).include(`| node-${node} completed\n`);
    }
    expect(out).match(/\| server stopped: ended with 0\n$/);
    expect(out).not.match(/restarting in/);
    expect(out).not.include('\u001b');
    const again = await run(['up'], { cwd: folder });
    expect(again.code, again.err).equal(0); // what is completed stays so
    expect(again.out).match(/session completed at round 4.*; updates accepted from this node: 0/);
    expect((await run(['status'], { cwd: folder })).err).match(
      /^quorate: NOT_FOUND: no system is running here/,
    );
  });

  it('restarts a server and a node that are killed, and the session completes', async () => {
    const command = await up(training(30, 100));
    await command.says('round 2: update accepted');
    const pid = (name: string, { components }: SystemView) =>
      components.find((component) => component.name === name)!.pid!;
    const before = await status();
    process.kill(pid('server', before), 'SIGKILL');
    process.kill(pid('node-2', before), 'SIGKILL');
    await command.says('server ended by SIGKILL; restarting in');
    await command.says('node-2 ended by SIGKILL; restarting in');
    const { code, out, err } = await command.result;
    expect([code, err], out).deep.equal([0, '']);
    expect(out).match(/node-2 +\| session completed at round 30/);
    expect(out.match(/server running, pid/g)).length(2);
  });

  it('restarts a server that hangs, and the session completes', async () => {
    const system = training(20, 100);
    const health = { intervalMs: 100, timeoutMs: 2_000, failures: 1 };
    const command = await up({ ...system, server: { ...system.server, health, stopDeadlineMs: 100 } });
    await command.says('round 2: update accepted');
    process.kill((await status()).components[0]!.pid!, 'SIGSTOP');
    await command.says('server stopping: no response within 2 s');
    await command.says('server no response within 2 s; restarting in');
    const { code, out, err } = await command.result;
    expect([code, err], out).deep.equal([0, '']);
    expect(out).match(/server killing\n/);
  });

  it('continues without a component that always dies, reports it, and ends with 5', async () => {
    const command = await up({
      components: {
        dies: {
          command: ['sh', '-c', 'echo up; sleep 0.1; exit 3'],
          health: { line: 'up' },
          restarts: { max: 1, firstMs: 1 },
        },
        lives: { command: forever },
      },
    });
    await command.says('dies failed');
    const view = await status();
    expect(view.status).equal('degraded');
    expect(view.components.map(({ name, state }) => [name, state])).deep.equal([
      ['dies', 'failed'],
      ['lives', 'running'],
    ]);
    const json = await run(['status', '--json'], { cwd: folder });
    expect(JSON.parse(json.out)).include({ status: 'degraded' });
    const { out } = await run(['status'], { cwd: folder });
    expect(out).match(/^component +state +pid +up +restarts +health +last exit\n/);
    expect(out).match(/^dies +failed +— +— +1 +— +ended with 3,\s+after 1\s+restart\s+within 10 min$/m);
    expect(out).match(/^lives +running +\d+ +\S+ m?s +0 +— +—$/m);
    command.child.kill('SIGTERM');
    const { code, err } = await command.result;
    expect([code, err]).deep.equal([
      5,
      'quorate: dies failed: ended with 3, after 1 restart within 10 min\n',
    ]);
  });

  it('ends with 0 when it is stopped, even if components still wait', async () => {
    const system = {
      components: { a: { command: forever }, b: { command: forever, health: { line: 'no' } } },
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const command = await up(system);
      await command.says('a running');
      command.child.kill(signal);
      const { code, out, err } = await command.result;
      expect([code, err], out).deep.equal([0, '']);
    }
  });

  it('stops everything in order when its output is closed', async () => {
    const needed = `trap 'test -e first && touch second; exit' TERM; while :; do sleep 0.01; done`;
    const needs = `trap 'sleep 0.3; touch first; exit' TERM; while :; do echo x; sleep 0.01; done`;
    const command = await up({
      components: {
        needed: { command: ['sh', '-c', needed] },
        needs: { command: ['sh', '-c', needs], dependsOn: ['needed'] },
      },
    });
    await command.says('needs   | x');
    command.child.stdout!.destroy();
    const { code } = await command.result;
    expect(code).equal(0);
    expect(await readdir(folder)).include.members(['first', 'second']);
  });

  it('reports that a killed system is no longer running', async () => {
    const command = await up({ components: { a: { command: forever } } });
    await command.says('a running');
    command.child.kill('SIGKILL');
    await command.result;
    const { code, err } = await run(['status'], { cwd: folder });
    expect(code).equal(1);
    expect(err).match(/^quorate: NOT_FOUND: the system is no longer running: .*ECONNREFUSED/);
  });

  it('ends with 4 if a component could not be started', async () => {
    const absent = { command: ['no-such-program'], health: { line: 'up' }, restarts: { max: 0 } };
    const command = await up({ components: { absent, needs: { command: forever, dependsOn: ['absent'] } } });
    const { code, err } = await command.result;
    expect(code).equal(4);
    expect(err).equal(
      'quorate: absent failed: ended with 127\nquorate: needs failed: its dependency absent failed\n',
    );
  });

  it('ends with 3 for an invalid file, and starts nothing', async () => {
    for (const [system, code, message] of [
      [{ components: { a: { comand: ['x'] } } }, 'UNKNOWN_PARAMETER', 'components.a.comand'],
      [{ components: { a: { command: ['x'], dependsOn: ['b'] } } }, 'INVALID_PARAMETER', 'depends on b'],
    ] as const) {
      const command = await up(system as unknown as SystemConfigInput);
      const { code: ended, out, err } = await command.result;
      expect([ended, out]).deep.equal([3, '']);
      expect(err).match(new RegExp(`^quorate: ${code}: .*${message}.*\n$`));
    }
    expect((await run(['up', 'absent.yaml'], { cwd: folder })).err).match(/^quorate: NOT_FOUND: /);
  });

  it('prints what would start, and starts nothing', async () => {
    const command = await up(training(1), '--check');
    const { code, out } = await command.result;
    expect(code).equal(0);
    expect(out).match(/^session-job +server +on-failure +none +quorate session create$/m);
    const json = await run(['up', '--check', '--json'], { cwd: folder });
    const { components } = JSON.parse(json.out) as { components: { name: string; dependsOn: string[] }[] };
    expect(components.map(({ name, dependsOn }) => [name, ...dependsOn])).deep.equal([
      ['server'],
      ['session-job', 'server'],
      ['node-1', 'session-job'],
      ['node-2', 'session-job'],
      ['node-3', 'session-job'],
    ]);
    expect(await stat(join(folder, '.quorate')).catch(() => null)).equal(null);
  });

  it('refuses to run a system twice at a time', async () => {
    const command = await up({ components: { a: { command: forever } } });
    await command.says('a running');
    const second = await run(['up'], { cwd: folder });
    expect([second.code, second.out]).deep.equal([1, '']);
    expect(second.err).match(/^quorate: STORE_LOCKED: /);
  });

  it('writes JSON lines for programs', async () => {
    const command = await up(
      { components: { a: { command: ['sh', '-c', 'echo out; echo err >&2'], restart: 'never' } } },
      '--json',
    );
    const lines = (await command.result).out.trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { time } of entries) expect(time).match(/^\d{4}-.*Z$/);
    const said = entries
      .filter(({ stream }) => stream !== undefined)
      .map(({ stream, line }) => [stream, line]);
    expect(said).have.deep.members([
      ['stdout', 'out'],
      ['stderr', 'err'],
    ]);
    expect(entries.filter(({ state }) => state !== undefined).map(({ state }) => state)).deep.equal([
      'starting',
      'running',
      'completed',
    ]);
    expect(entries.find(({ status }) => status !== undefined)?.status).match(
      /^http:\/\/127\.0\.0\.1:\d+\/v1\//,
    );
  });

  it('generates tokens for a server that requires them, and passes them to its components', async () => {
    const system = training(2);
    const config = { ...system.server.config, auth: { enabled: true } };
    const command = await up({ ...system, server: { ...system.server, config } });
    const { code, out, err } = await command.result;
    expect([code, err], out).deep.equal([0, '']);
    const [, token] = /adminToken: (\S{32})\n/.exec(out)!;
    expect((await run(['up', '--check', '--json'], { cwd: folder })).out).not.include(token);
    const own = join(folder, '.quorate', 'quorate');
    expect((await stat(own)).mode & 0o777).equal(0o700);
    expect(await readFile(join(own, 'node-1.token'), 'utf8')).match(/\S{20,}/);
    expect((await run(['up'], { cwd: folder })).code).equal(0); // the nodes come back as themselves
  });

  it('resolves paths against the file’s folder', async () => {
    await mkdir(join(folder, 'else'));
    await writeFile(file, stringify(training(1)));
    const { code, out } = await run(['up', join('..', 'quorate.yaml')], { cwd: join(folder, 'else') });
    expect(code, out).equal(0);
    expect(await stat(join(folder, '.quorate', 'quorate', 'rounds'))).not.equal(null);
  });
});
