import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import WebSocket from 'ws';
import { routes } from '../../src/server/routes/routes.js';
import { ADMIN, closeAll, FLAT, sessionConfig, start, startSession, updatePath, vector } from './fixture.js';
import { type Message, Reader } from './reader.js';

const run = promisify(execFile);
/** From dist/test/server/ up to the project. */
const file = new URL('../../../docs/protocol.md', import.meta.url);

interface Step {
  readonly commands: string;
  readonly prints: string;
}

/** Each block of commands, with the block of what it prints. */
function stepsOf(text: string): Step[] {
  return [...text.matchAll(/^```sh\n([^]*?)^```\n\n```text\n([^]*?)^```$/gm)].map(([, commands, prints]) => ({
    commands: commands!,
    prints: prints!,
  }));
}

/** `…` stands for anything on one line. */
function pattern(prints: string): RegExp {
  const lines = prints.trimEnd().split('…');
  return new RegExp(`^${lines.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
}

const MARK = '----- next -----';

describe('docs/protocol.md', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'quorate-protocol-'))));
  after(() => rm(folder, { recursive: true }));
  afterEach(closeAll);

  it('shows commands that print what it says', async () => {
    const text = await readFile(file, 'utf8');
    const steps = stepsOf(text);
    expect(steps.length)
      .equal(text.match(/^```sh$/gm)?.length)
      .greaterThan(10);
    const fixture = await start({ config: { auth: { enabled: true, adminToken: ADMIN } } });
    const script = steps.map(({ commands }) => `${commands}\necho; echo '${MARK}'`).join('\n');
    const { stdout, stderr } = await run('bash', ['--norc', '-c', script], {
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: 'C', QUORATE_URL: fixture.url, QUORATE_TOKEN: ADMIN },
    });
    expect(stderr).equal('');
    const printed = stdout.replaceAll('\r', '').split(MARK);
    steps.forEach(({ commands, prints }, i) => {
      expect(printed[i]!.replace(/^\n/, '').trimEnd(), commands).match(pattern(prints));
    });
  });

  it('shows the event socket, its messages and its parameters as they are', async () => {
    const text = await readFile(file, 'utf8');
    const events = text.slice(text.indexOf('\n## Events'), text.indexOf('\n## Errors'));
    const [hello, event] = [...events.matchAll(/^```json\n([^]*?)^```$/gm)].map(
      ([, json]) => JSON.parse(json!) as Message,
    );
    const fixture = await start({ config: { auth: { enabled: true, adminToken: ADMIN } } });
    await startSession(fixture, ['a'], { id: 'first' });
    await fixture.coordinator.createSession(sessionConfig({ id: 'second' }));
    const url = `${fixture.url.replace('http', 'ws')}/v1/events`;

    // As it stands there, with a WebSocket as browsers have it.
    const expression = /`(new WebSocket\([^`]+)`/.exec(events)![1]!;
    const socket = runInNewContext(expression, { WebSocket, url, token: ADMIN }) as WebSocket;
    const reader = new Reader(socket);
    await reader.until(({ length }) => length > 0);
    await fixture.call('PUT', updatePath('a', 1, 'first'), { token: ADMIN, headers: FLAT, body: vector(1) });
    await reader.until((messages) => messages.some(({ type }) => type === event!.type));
    const like = (message: Message) =>
      Object.fromEntries(Object.entries(message).map(([name, value]) => [name, typeof value]));
    expect(like(reader.messages[0]!)).deep.equal(like(hello!));
    const told = reader.messages.find(({ type }) => type === event!.type)!;
    expect(like(told)).deep.equal(like(event!));

    const since = /`(\?since=)(\d+)` first sends every event after number \2/.exec(events)!;
    const later = new Reader(`${url}${since[1]}${told.number - 1}&token=${ADMIN}`);
    await later.until(({ length }) => length > 1);
    expect(later.messages[1]).deep.equal(told);

    const session = /`(\?session=first)` sends only/.exec(events)![1];
    const one = new Reader(`${url}${session}&since=0&token=${ADMIN}`);
    await one.until((messages) => messages.some(({ number }) => number === told.number));
    expect(new Set(one.messages.slice(1).map(({ session }) => session))).deep.equal(new Set(['first']));

    const closed = [later.closed(), one.closed()];
    later.socket.send('a message');
    one.socket.send('x'.repeat(2000));
    const codes = await Promise.all(closed);
    const ended = reader.closed();
    await fixture.server.close();
    codes.push(await ended);
    const listed = [...events.matchAll(/^\| (\d{4}(?:, \d{4})*) +\| (.+?) *\|$/gm)].map(
      ([, codes, meaning]) => [codes, meaning] as const,
    );
    const meaning = (code: number) => listed.find(([codes]) => codes!.includes(String(code)))?.[1];
    expect(codes.map(meaning)).deep.equal([
      'the client sent a message',
      'the client sent a message of more than 1 KiB',
      'the server is shutting down: reconnect after a moment, with `?since=`',
    ]);
  });

  it('mentions only existing addresses', async () => {
    const text = await readFile(file, 'utf8');
    const known = new Set(routes.map(({ path }) => path.replace(/:\w+/g, ':')));
    for (const [, path] of text.matchAll(/`(?:GET |PUT )(\/v1\/[^\s`?]+)`/g)) {
      expect(known.has(path!.replace(/:\w+/g, ':')), path).true;
    }
  });
});
