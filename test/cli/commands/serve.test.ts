/** A server, its sessions and a node, each a process of the command. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeNpy } from '../../../src/formats/npy.js';
import type { SessionView } from '../../../src/protocol/views.js';
import { run, start, type Started } from '../command.js';

const trainer = `
export const createTrainer = ({ step = 1, endless = false }) => ({
  train({ model, signal }) {
    if (endless) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return { update: model.values.fill(step), metrics: { loss: 0.5 } };
  },
  evaluate: ({ model }) => ({ metrics: { first: model.values[0] } }),
});
`;

describe('quorate serve, session and node', function () {
  let folder: string;
  const running: Started[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-serve-'));
    await writeFile(join(folder, 'trainer.mjs'), trainer);
    await writeFile(join(folder, 'nothing.mjs'), 'export const x = 1;');
    await writeFile(join(folder, 'model.npy'), writeNpy({ shape: [3], values: new Float32Array(3) }));
    await writeFile(join(folder, 'job.yaml'), 'id: job\npipeline: mean\nquorum: 1\nrounds: 2\n');
  });
  afterEach(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.splice(0).map(({ result }) => result));
    await rm(folder, { recursive: true });
  });

  const background = (line: readonly string[], env: NodeJS.ProcessEnv = {}): Started => {
    const started = start(line, { cwd: folder, env });
    running.push(started);
    return started;
  };

  /** @returns the server's process and its address */
  async function serve(
    ...flags: string[]
  ): Promise<{ server: Started; url: string; adminToken: string | null }> {
    const server = background(['serve', '--port', '0', '--json', '--log-level', 'error', ...flags]);
    await server.says('\n');
    const [line] = server.out().split('\n');
    return { server, ...(JSON.parse(line!) as { url: string; adminToken: string | null }) };
  }

  const session = async (url: string, ...line: string[]): Promise<SessionView> => {
    const { code, out, err } = await run(['session', ...line, '--server', url, '--json'], { cwd: folder });
    expect(code, err).equal(0);
    return JSON.parse(out) as SessionView;
  };

  it('runs a session from its creation to its end', async () => {
    const { url, server } = await serve();
    const created = await session(url, 'create', 'job.yaml', '--set', 'rounds=3', '--model', 'model.npy');
    expect([created.status, created.config.rounds, created.model?.d]).deep.equal(['created', 3, 3]);
    for (const [verb, status] of [
      ['start', 'running'],
      ['pause', 'paused'],
      ['resume', 'running'],
    ]) {
      expect((await session(url, verb!, 'job')).status).equal(status);
    }

    const line = [
      '--server',
      url,
      '--session',
      'job',
      '--id',
      'one',
      '--trainer',
      './trainer.mjs',
      '--set',
      'step=2',
    ];
    const node = await background(['node', ...line]).result;
    expect(node.code, node.err).equal(0);
    expect(node.out)
      .match(/^registered as one\n/)
      .and.match(/round 3: update accepted/);
    expect(node.out).match(
      /session completed at round 3: All of the 3 rounds are committed; updates accepted from this node: 3\n$/,
    );

    const list = await run(['session', 'list', '--server', url]);
    expect(list.out).match(/^job +completed +3 +3 /m);
    const shown = await run(['session', 'show', 'job', '--server', url]);
    expect(shown.out)
      .match(/^rounds +3 of 3 committed$/m)
      .and.match(/^one .* 3 /m);
    expect((await run(['session', 'delete', 'job', '--server', url])).code).equal(0);
    const gone = await run(['session', 'show', 'job', '--server', url]);
    expect([gone.code, gone.err.slice(0, 26)]).deep.equal([1, 'quorate: UNKNOWN_SESSION: ']);

    server.child.kill('SIGTERM');
    expect((await server.result).code).equal(0);
  });

  it('goes on with what the folder holds when it is served again', async () => {
    const first = await serve('--data', 'rounds');
    await session(first.url, 'create', 'job.yaml', '--model', 'model.npy', '--start');
    first.server.child.kill('SIGINT');
    expect((await first.server.result).code).equal(0);
    const second = await serve('--data', 'rounds');
    expect((await session(second.url, 'show', 'job')).status).equal('running');
    const third = await run(['serve', '--port', '0', '--data', 'rounds'], { cwd: folder });
    expect(third.code).equal(1);
    expect(third.err).match(/quorate: STORE_LOCKED: .+\n$/);
  });

  it('ends by a signal while its start is blocked on a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'config.yaml')]);
    const server = background(['serve', '--port', '0', '--config', 'config.yaml']);
    const exit = once(server.child, 'exit');
    const pipe = await open(join(folder, 'config.yaml'), 'w'); // once the server reads it
    server.child.kill('SIGTERM');
    expect(await exit).deep.equal([null, 'SIGTERM']);
    await pipe.close();
  });

  it('says at once that a folder can’t be made where its parent takes none', async () => {
    const { code, err } = await run(['serve', '--port', '0', '--data', '/proc/self/q']);
    expect([code, err.split(':').slice(0, 2)]).deep.equal([1, ['quorate', ' STORE_FAILED']]);
  });

  it('ends a node with 130 or 143 when it is interrupted, in the middle of training', async () => {
    const { url } = await serve();
    await session(url, 'create', 'job.yaml', '--model', 'model.npy', '--start');
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const line = ['--server', url, '--session', 'job', '--id', 'one', '--trainer', './trainer.mjs'];
      const node = background(['node', ...line, '--set', 'endless=true', '--json']);
      await node.says('"type":"training"');
      node.child.kill(signal);
      const { code: ended, err } = await node.result;
      expect([ended, err]).deep.equal([code, '']);
    }
  });

  it('keeps a node’s token in a file, and comes back with it', async () => {
    const { url, adminToken } = await serve(
      '--set',
      'auth.enabled=true',
      '--set',
      'auth.enrollmentToken=enroll-0123456789ab',
    );
    const admin = ['--server', url, '--token', adminToken!];
    await run(['session', 'create', 'job.yaml', '--model', 'model.npy', '--start', ...admin], {
      cwd: folder,
    });
    const line = ['node', '--server', url, '--session', 'job', '--id', 'one', '--trainer', './trainer.mjs'];
    const refused = await background(line).result;
    expect([refused.code, refused.err.slice(0, 23)]).deep.equal([1, 'quorate: UNAUTHORIZED: ']);

    const env = { QUORATE_ENROLLMENT_TOKEN: 'enroll-0123456789ab' };
    const joined = await background([...line, '--token-file', 'token'], env).result;
    expect(joined.code, joined.err).equal(0);
    const token = (await readFile(join(folder, 'token'), 'utf8')).trim();
    expect(token.length).greaterThan(20);
    expect(joined.out).not.include(token);
    expect((await background([...line, '--token-file', 'token']).result).code).equal(0);
  });

  it('says what is in the way of a server', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const { code, out, err } = await run(['serve', '--port', port, '--log-level', 'error']);
    expect([code, out]).deep.equal([1, '']);
    expect(err).match(
      /^quorate: PORT_IN_USE: another process listens on 127\.0\.0\.1, port \d+: end it, or choose another port\n$/,
    );
  });

  it('creates no session that it could not start', async () => {
    const { url } = await serve();
    const line = [
      '--set',
      'id=bare',
      '--set',
      'quorum=1',
      '--set',
      'pipeline=mean',
      '--start',
      '--server',
      url,
    ];
    const { code, err } = await run(['session', 'create', ...line]);
    expect([code, err]).deep.equal([1, 'quorate: NO_MODEL: --start needs a --model or --zeros\n']);
    expect((await run(['session', 'list', '--json', '--server', url])).out).equal('[]\n');
  });

  it('reports once that a node was excluded', async () => {
    const { url } = await serve();
    await writeFile(
      join(folder, 'attacker.mjs'),
      'export const createTrainer = () => ({ train: ({ model }) => ({ update: model.values.fill(-100) }) });',
    );
    const config = ['id=strict', 'quorum=5', 'rounds=2', 'pipeline=krum(f=1)', 'exclude={"rounds":1}'];
    const settings = config.flatMap((setting) => ['--set', setting]);
    await session(url, 'create', ...settings, '--model', 'model.npy', '--start');
    const joinAs = (id: string, trainer: string) =>
      background(['node', '--server', url, '--session', 'strict', '--id', id, '--trainer', trainer]);
    const honest = ['a', 'b', 'c', 'd'].map((id) => joinAs(id, './trainer.mjs'));
    const { code, out, err } = await joinAs('e', './attacker.mjs').result;
    expect(code).equal(1);
    expect(out).match(/excluded from the session at round 1; updates accepted from this node: 1\n$/);
    expect(err).equal('quorate: NODE_EXCLUDED: this node was excluded; the session continues without it\n');
    await session(url, 'stop', 'strict');
    await Promise.all(honest.map(({ result }) => result));
  });

  it('refuses a trainer that is none', async () => {
    for (const [module, code] of [
      ['./absent.mjs', 'NOT_FOUND'],
      ['./nothing.mjs', 'BAD_TYPE'],
    ] as const) {
      const line = ['node', '--session', 'job', '--id', 'one', '--trainer', module];
      const { err, code: ended } = await run(line, { cwd: folder });
      expect(ended).equal(1);
      expect(err).match(new RegExp(`^quorate: ${code}: .+\n$`));
    }
  });
});
