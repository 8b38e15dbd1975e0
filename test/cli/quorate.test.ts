/** The command as a process: what it prints, and how it ends. */
import { expect } from 'chai';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aggregate, krum, nnm, pipeline, rules } from '../../src/index.js';
import { readNpy, writeNpy } from '../../src/formats/npy.js';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js';
import { freePort } from '../support/freePort.js';
import { run } from './command.js';

const WIDTH = 80;
const isNarrow = (text: string): void => {
  for (const line of text.split('\n')) expect(line.length, line).at.most(WIDTH);
};

const updates = [
  [1, 2],
  [1.5, 2.5],
  [0.5, 1.5],
  [1, 2.25],
  [1.25, 2],
  [-900, 800],
].map((row) => Float32Array.from(row));

describe('quorate', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-cli-'));
    const values = Float32Array.from(updates.flatMap((row) => [...row]));
    await writeFile(join(folder, 'updates.npy'), writeNpy({ shape: [updates.length, 2], values }));
    await Promise.all(
      updates.map((row, index) =>
        writeFile(
          join(folder, `node-${index}.safetensors`),
          writeSafetensors([
            { name: 'bias', shape: [1], values: row.subarray(0, 1) },
            { name: 'weight', shape: [1, 1], values: row.subarray(1) },
          ]),
        ),
      ),
    );
    await writeFile(join(folder, 'broken.npy'), 'no array');
  });
  after(() => rm(folder, { recursive: true }));

  const rule = 'nnm(f=1) > krum(f=1)';
  const expected = () => aggregate(updates, pipeline(nnm({ f: 1 }), krum({ f: 1 })));

  it('explains itself and each command, in 80 columns, with examples', async () => {
    const commands = ['serve', 'node', 'session', 'up', 'status', 'aggregate', 'rules', 'demo', 'config'];
    const outcomes = await Promise.all(
      [[], ...commands.map((name) => [name])].map((line) => run([...line, '--help'])),
    );
    for (const { code, out, err } of outcomes) {
      expect([code, err]).deep.equal([0, '']);
      expect(out)
        .match(/^Usage: quorate/)
        .and.match(/\nExamples?:\n {2}\$ quorate/);
      isNarrow(out);
    }
    for (const name of commands) expect(outcomes[0]!.out).include(`\n  ${name}`);
  });

  it('ends with 2 for an invalid command line, with a message of one line', async () => {
    for (const line of [
      ['nonsense'],
      ['aggregate'],
      ['aggregate', 'x.npy'],
      ['rules', '--color'],
      ['demo', '--color'],
      ['demo', '--network', '--rounds', 'many'],
      ['node'],
    ]) {
      const { code, out, err } = await run(line);
      expect([code, out], line.join(' ')).deep.equal([2, '']);
      expect(err).match(/^quorate: INVALID_PARAMETER: .+\n$/);
    }
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect((await run(['--version'])).out).equal(`${version}\n`);
  });

  it('lists all rules', async () => {
    const { code, out } = await run(['rules']);
    expect(code).equal(0);
    isNarrow(out);
    for (const { name, constraint } of rules())
      expect(out).match(new RegExp(`^${name} .*${escaped(constraint)}`, 'm'));
    expect(JSON.parse((await run(['rules', '--json'])).out)).deep.equal(JSON.parse(JSON.stringify(rules())));
  });

  it('shows one rule in detail, and refuses an unknown one', async () => {
    const { out } = await run(['rules', 'krum']);
    isNarrow(out);
    for (const text of ['n > 2f + 2', 'Blanchard', 'neighbors']) expect(out).include(text);
    const { code, err } = await run(['rules', 'crumb']);
    expect(code).equal(1);
    expect(err).match(/^quorate: UNKNOWN_RULE: .+\n$/);
  });

  it('aggregates the rows of a .npy file, and reports on each', async () => {
    const { value, report } = await expected();
    const line = ['aggregate', 'updates.npy', '--rule', rule, '--out', 'out.npy'];
    const { code, out, err } = await run(line, { cwd: folder });
    expect([code, err]).deep.equal([0, '']);
    isNarrow(out);
    expect(out).include(report.resultDigest!).and.include('updates.npy[5]').and.include(rule);
    const written = await readNpy(await readFile(join(folder, 'out.npy')));
    expect(written).deep.equal({ shape: [2], values: value });
  });

  it('aggregates safetensors files, and writes one with their tensors', async () => {
    const { value, report } = await expected();
    const files = updates.map((_, index) => `node-${index}.safetensors`);
    const line = ['aggregate', ...files, '--rule', rule, '--json', '--out', 'out.safetensors'];
    const { code, out } = await run(line, { cwd: folder });
    expect(code).equal(0);
    const printed = JSON.parse(out) as { resultDigest: string; rows: { name: string; used: boolean }[] };
    expect(printed.resultDigest).equal(report.resultDigest);
    expect(printed.rows.map(({ name }) => name)).deep.equal(files);
    const { tensors } = await readSafetensors(await readFile(join(folder, 'out.safetensors')));
    expect(tensors.map(({ name, shape }) => [name, shape])).deep.equal([
      ['bias', [1]],
      ['weight', [1, 1]],
    ]);
    expect(tensors.flatMap(({ values }) => [...values])).deep.equal([...value]);
  });

  it('reports errors in files and rules in one line', async () => {
    const cases: [string[], string][] = [
      [['broken.npy', '--rule', 'mean'], 'MALFORMED'],
      [['missing.npy', '--rule', 'mean'], 'NOT_FOUND'],
      [['updates.txt', '--rule', 'mean'], 'NOT_FOUND'],
      [['updates.npy', '--rule', 'krum(f=9)'], 'TOO_FEW_UPDATES'],
      [['updates.npy', '--rule', 'krum(F=1)'], 'UNKNOWN_PARAMETER'],
      [['updates.npy', '--rule', 'krum('], 'INVALID_PARAMETER'],
      [['updates.npy', '--rule', 'mean', '--out', 'x.txt'], 'UNSUPPORTED_MEDIA_TYPE'],
    ];
    for (const [line, expectedCode] of cases) {
      const { code, out, err } = await run(['aggregate', ...line], { cwd: folder });
      expect([code, out], line.join(' ')).deep.equal([1, '']);
      expect(err).match(new RegExp(`^quorate: ${expectedCode}: .+\n$`));
    }
  });

  it('prints a stack only with --debug', async () => {
    const { err } = await run(['--debug', 'aggregate', 'broken.npy', '--rule', 'mean'], { cwd: folder });
    expect(err)
      .match(/^quorate: MALFORMED: .+\n/)
      .and.match(/\n {4}at /);
  });

  it('reports that a server can’t be reached', async () => {
    const port = await freePort();
    const { code, err } = await run(['session', 'list', '--server', `http://127.0.0.1:${port}`]);
    expect(code).equal(1);
    expect(err).match(/^quorate: CONNECTION_FAILED: .*ECONNREFUSED.*\n$/);
  });
});

describe('quorate config', () => {
  it('prints the configuration that file, environment and flags make, without secrets', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quorate-cli-'));
    try {
      const file = join(folder, 'quorate.yaml');
      await writeFile(file, 'listen: { port: 1000 }\nlimits: { jsonBytes: 1000 }\nlogLevel: warn\n');
      const env = { QUORATE_LISTEN_PORT: '2000', QUORATE_AUTH_ADMIN_TOKEN: 'secret-0123456789' };
      const line = [
        'config',
        '--config',
        file,
        '--log-level',
        'debug',
        '--set',
        'limits.modelBytes=5',
        '--json',
      ];
      const { code, out, err } = await run(line, { env });
      expect([code, err]).deep.equal([0, '']);
      const config = JSON.parse(out) as Record<string, Record<string, unknown>>;
      expect(config.listen!.port).equal(2000);
      expect(config.limits).include({ jsonBytes: 1000, modelBytes: 5 });
      expect(config.logLevel).equal('debug');
      expect(out).not.include('secret');

      const yaml = await run(['config'], {});
      await writeFile(file, yaml.out);
      expect((await run(['config', '--config', file])).out).equal(yaml.out);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('takes every setting by --set, including those with a flag of their own', async () => {
    const given = { 'listen.host': '0.0.0.0', 'listen.port': 0, dataFolder: '/rounds', logLevel: 'warn' };
    const settings = Object.entries(given).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
    const { code, out } = await run(['config', '--json', ...settings]);
    expect(code).equal(0);
    expect(JSON.parse(out)).deep.include({
      listen: { host: '0.0.0.0', port: 0, hosts: [] },
      dataFolder: '/rounds',
      logLevel: 'warn',
    });
  });

  it('refuses a setting that is given both by a flag and by --set', async () => {
    const { code, err } = await run(['config', '--port', '1', '--set', 'listen.port=2']);
    expect([code, err]).deep.equal([
      1,
      'quorate: INVALID_PARAMETER: listen.port is set twice: by its own flag and by --set\n',
    ]);
  });

  it('refuses an unknown setting', async () => {
    const { code, err } = await run(['config', '--set', 'limits.jsonBites=1']);
    expect(code).equal(1);
    expect(err).match(/^quorate: UNKNOWN_PARAMETER: .*jsonBites.*\n$/);
  });
});

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
