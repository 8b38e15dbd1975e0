import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { routes } from '../../src/server/routes/routes.js';
import { ADMIN, closeAll, start } from './fixture.js';

const run = promisify(execFile);
/** From dist/test/server/ up to the project. */
const file = new URL('../../../docs/protocol.md', import.meta.url);

interface Step {
  readonly commands: string;
  readonly prints: string;
}

/** Each block of commands, with the block of what it prints. */
function stepsOf(text: string): Step[] {
  return [...text.matchAll(/^```sh\n([^]*?)^```\n\n```text\n([^]*?)^```$/gm)].map(([, commands, prints]) => ({ commands, prints }));
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
    expect(steps.length).equal(text.match(/^```sh$/gm)?.length).greaterThan(10);
    const fixture = await start({ config: { auth: { enabled: true, adminToken: ADMIN } } });
    const script = steps.map(({ commands }) => `${commands}\necho; echo '${MARK}'`).join('\n');
    const { stdout, stderr } = await run('bash', ['--norc', '-c', script], {
      cwd: folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', QUORATE_URL: fixture.url, QUORATE_TOKEN: ADMIN },
    });
    expect(stderr).equal('');
    const printed = stdout.replaceAll('\r', '').split(MARK);
    steps.forEach(({ commands, prints }, i) => {
      expect(printed[i].replace(/^\n/, '').trimEnd(), commands).match(pattern(prints));
    });
  });

  it('speaks only of addresses that there are', async () => {
    const text = await readFile(file, 'utf8');
    const known = new Set(routes.map(({ path }) => path.replace(/:\w+/g, ':')));
    for (const [, path] of text.matchAll(/`(?:GET |PUT )(\/v1\/[^\s`?]+)`/g)) {
      expect(known.has(path.replace(/:\w+/g, ':')), path).true;
    }
  });
});
