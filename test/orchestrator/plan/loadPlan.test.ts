/** A system file, and the components that it defines. */
import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { configSchema } from '../../../src/server/config/config.js';
import { loadPlan, type LoadedPlan, type SystemConfigInput } from '../../../src/orchestrator/index.js';
import { newFolder, removeFolders } from '../../support/coordinator/folders.js';
import { expectRefusal } from '../../support/refusal.js';

const job = { config: { id: 'job', pipeline: 'median', quorum: 1 }, zeros: 3 } as const;
const node = { session: 'job', trainer: './trainer.js' } as const;

describe('loadPlan', () => {
  let folder: string;
  beforeEach(async () => (folder = await newFolder()));
  afterEach(removeFolders);

  async function plan(text: SystemConfigInput | string, environment = {}): Promise<LoadedPlan> {
    const file = join(folder, 'mine.yaml');
    await writeFile(file, typeof text === 'string' ? text : stringify(text));
    return loadPlan(file, environment);
  }
  const names = ({ components }: LoadedPlan) => components.map(({ name }) => name);
  const named = ({ components }: LoadedPlan, name: string) =>
    components.find((component) => component.name === name)!;

  it('makes a component of the server, of each session, of each node, and of all others', async () => {
    const whole = await plan({
      components: { proxy: { command: ['proxy'] }, watcher: { command: ['watch'], dependsOn: ['node-2'] } },
      nodes: [
        { ...node, count: 2 },
        { ...node, name: 'liar', dependsOn: ['proxy'] },
      ],
      sessions: [job],
      server: { dependsOn: ['proxy'] },
    });
    expect(names(whole)).deep.equal([
      'proxy',
      'server',
      'session-job',
      'node-1',
      'node-2',
      'liar-1',
      'watcher',
    ]);
    expect(named(whole, 'session-job').dependsOn).deep.equal(['server']);
    expect(named(whole, 'node-1').dependsOn).deep.equal(['session-job']);
    expect(named(whole, 'liar-1').dependsOn).deep.equal(['session-job', 'proxy']);
    expect(whole.stopsWhenDone).equal(true);
  });

  it('gives the server a fixed port, a folder, and its whole configuration in a file', async () => {
    const { server, files, components, stateFolder } = await plan({
      server: { config: { listen: { port: 0 }, logLevel: 'warn' } },
    });
    const config = configSchema.parse(parse(files[0]!.text));
    expect(config.listen.port).greaterThan(0);
    expect(server).equal(`http://127.0.0.1:${config.listen.port}`);
    expect(stateFolder).equal(join(folder, '.quorate', 'mine'));
    expect(config).include({ dataFolder: join(stateFolder, 'rounds'), logLevel: 'warn' });
    expect(components[0]).deep.include({
      restart: 'always',
      check: { kind: 'http', url: `${server!}/health/ready` },
      intervalMs: 30_000,
      cwd: folder,
    });
    expect(components[0]!.command.slice(2)).deep.equal(['serve', '--config', files[0]!.path]);
  });

  it('keeps rounds where the file says, or in memory only', async () => {
    for (const dataFolder of ['./mine', null]) {
      const { files } = await plan({ server: { config: { dataFolder } } });
      expect(configSchema.parse(parse(files[0]!.text)).dataFolder).equal(dataFolder);
    }
  });

  it('gives every component the server’s URL, and the server no settings from the environment', async () => {
    const environment = { HOME: '/home/x', QUORATE_LISTEN_PORT: '9', QUORATE_AUTH_ENABLED: 'true' };
    const whole = await plan(
      {
        server: { config: { listen: { port: 4000 } } },
        sessions: [job],
        nodes: [node],
        components: { other: { command: ['x'], env: { MINE: '1', HOME: '/tmp' } } },
      },
      environment,
    );
    for (const name of ['session-job', 'node-1', 'other']) {
      expect(named(whole, name).env).include({ QUORATE_SERVER: 'http://127.0.0.1:4000' });
    }
    expect(named(whole, 'other').env).include({ MINE: '1', HOME: '/tmp' });
    expect(named(whole, 'server').env).include({
      HOME: '/home/x',
      QUORATE_LISTEN_PORT: undefined,
      QUORATE_AUTH_ENABLED: undefined,
    });
  });

  it('reaches a server that listens on every address, and gives tokens to components that need them', async () => {
    for (const [host, url] of [
      ['0.0.0.0', 'http://127.0.0.1:4000'],
      ['::', 'http://[::1]:4000'],
    ]) {
      const whole = await plan({
        server: { config: { listen: { host, port: 4000 } } },
        sessions: [job],
        nodes: [node],
        components: { other: { command: ['x'] } },
      });
      expect(whole.server).equal(url);
      const { auth } = configSchema.parse(parse(whole.files[0]!.text));
      expect(whole.adminToken)
        .equal(auth.adminToken)
        .and.match(/^\S{32}$/);
      expect(named(whole, 'session-job').env.QUORATE_TOKEN).equal(auth.adminToken);
      expect(named(whole, 'node-1').env.QUORATE_ENROLLMENT_TOKEN).equal(auth.enrollmentToken);
      expect(named(whole, 'node-1').env.QUORATE_TOKEN).equal(undefined);
      expect(named(whole, 'other').env.QUORATE_TOKEN).equal(undefined);
      expect(JSON.stringify(whole.components.map(({ command }) => command))).not.include(auth.adminToken);
    }
  });

  it('starts nodes for a server that runs elsewhere', async () => {
    const whole = await plan({
      server: 'http://10.0.0.1:8080',
      nodes: [{ ...node, count: 2, set: { shard: '{number}', note: 'a {number}', list: [1, 2] } }],
    });
    expect(named(whole, 'node-2')).deep.include({ dependsOn: [], restart: 'on-failure' });
    expect(named(whole, 'node-2').command.slice(2).join(' ')).equal(
      'node --session job --id node-2 --trainer ./trainer.js --encoding f32 ' +
        '--set shard=2 --set note="a {number}" --set list=[1,2]',
    );
    expect(named(whole, 'node-2').env.QUORATE_SERVER).equal('http://10.0.0.1:8080');
  });

  it('reads every kind of health check', async () => {
    const check = async (health: object) =>
      (await plan({ components: { a: { command: ['x'], health } } })).components[0]!;
    expect(
      await check({ http: 'http://localhost:1/x', intervalMs: 7, timeoutMs: 8, failures: 9 }),
    ).deep.include({
      check: { kind: 'http', url: 'http://localhost:1/x' },
      upWhen: 'checked',
      intervalMs: 7,
      timeoutMs: 8,
      failures: 9,
    });
    expect((await check({ tcp: '[::1]:80' })).check).deep.equal({ kind: 'tcp', host: '::1', port: 80 });
    expect((await check({ exec: ['a', 'b'] })).check).deep.equal({ kind: 'exec', command: ['a', 'b'] });
    expect(await check({ line: '^up' })).deep.include({
      check: { kind: 'line', pattern: '^up' },
      upWhen: 'checked',
      intervalMs: null,
    });
    expect(await check({})).deep.include({ check: { kind: 'none' }, upWhen: 'started', intervalMs: null });
  });

  for (const [what, text, code, where] of [
    ['an unknown key', { componnts: {} }, 'UNKNOWN_PARAMETER', 'componnts'],
    ['an unknown setting of the server', { server: { config: { lisen: {} } } }, 'UNKNOWN_PARAMETER', 'lisen'],
    [
      'an unknown setting of a session',
      { sessions: [{ config: { quorm: 1 } }] },
      'UNKNOWN_PARAMETER',
      'quorm',
    ],
    ['no command', { components: { a: {} } }, 'INVALID_PARAMETER', 'components.a.command'],
    [
      'two health checks',
      { components: { a: { command: ['x'], health: { tcp: 'a:1', line: 'x' } } } },
      'INVALID_PARAMETER',
      'health',
    ],
    [
      'an invalid port',
      { components: { a: { command: ['x'], health: { tcp: 'a:65536' } } } },
      'INVALID_PARAMETER',
      'components.a.health.tcp: must be host:port',
    ],
    ['nothing to start', '', 'INVALID_PARAMETER', 'nothing to start'],
    [
      'an invalid regular expression',
      { components: { a: { command: ['x'], health: { line: '(' } } } },
      'INVALID_PARAMETER',
      'line',
    ],
    [
      'a health check of a task',
      { components: { a: { command: ['x'], task: true, health: { line: 'x' } } } },
      'INVALID_PARAMETER',
      'task',
    ],
    ['nodes without a server', { nodes: [node] }, 'INVALID_PARAMETER', 'node node needs a server'],
    ['a session without a server', { sessions: [job] }, 'INVALID_PARAMETER', 'session job needs a server'],
    [
      'a start without a model',
      { server: {}, sessions: [{ config: job.config }] },
      'INVALID_PARAMETER',
      'model',
    ],
    [
      'a duplicate name',
      { server: {}, components: { server: { command: ['x'] } } },
      'INVALID_PARAMETER',
      'server',
    ],
    [
      'an unknown dependency',
      { components: { a: { command: ['x'], dependsOn: ['b'] } } },
      'INVALID_PARAMETER',
      'depends on b',
    ],
    [
      'circular dependencies',
      { server: { dependsOn: ['node-1'] }, nodes: [node] },
      'INVALID_PARAMETER',
      'server → node-1 → server',
    ],
    ['invalid YAML', '{', 'MALFORMED', 'mine.yaml'],
    ['a file that isn’t a mapping', '- a', 'MALFORMED', 'mapping'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { message } = await expectRefusal(() => plan(text as unknown as SystemConfigInput), code);
      expect(message).include(where);
    });
  }
});
