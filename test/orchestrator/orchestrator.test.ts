/** Real processes: how they are checked, restarted and reported on. */
import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gate } from '../support/coordinator/gate.js';
import { newFolder, removeFolders } from '../support/coordinator/folders.js';
import { hasProcesses, isGone, until } from '../support/orchestrator/marked.js';
import { run, shell } from '../support/orchestrator/running.js';

const forever = 'while :; do sleep 1000; done';
const asked = { upWhen: 'checked', intervalMs: 50, timeoutMs: 5_000, failures: 2 } as const;

describe('createOrchestrator', () => {
  afterEach(removeFolders);

  describe('with a server to ask', () => {
    let server: Server;
    let answer: 'well' | 'ill' | 'silence';
    let port: number;

    beforeEach(async () => {
      answer = 'well';
      server = createServer((_, response) => {
        if (answer !== 'silence') response.writeHead(answer === 'well' ? 204 : 503).end();
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      ({ port } = server.address() as AddressInfo);
    });
    afterEach(() => {
      server.close();
      server.closeAllConnections();
    });

    const http = () => ({ ...asked, check: { kind: 'http', url: `http://127.0.0.1:${port}/` } }) as const;

    it('waits for an address to answer with 2xx, and restarts what stops doing so', async () => {
      answer = 'ill';
      const system = run([shell('a', forever, http()), shell('b', forever, { dependsOn: ['a'] })]);
      await system.reaches('a', 'starting');
      answer = 'well';
      await system.reaches('b', 'running');
      const { pid, ...a } = system.view().components[0]!;
      expect(a).include({ state: 'running', health: 'healthy', restarts: 0 });
      answer = 'ill';
      const { message } = await system.reaches('a', 'backing-off');
      expect(message).match(/^http:\S+ responded with 503; restarting in \d+ ms$/);
      answer = 'well';
      await system.reaches('a', 'running', new RegExp(`pid (?!${pid}$)`));
      expect(system.view().components.map(({ restarts }) => restarts)).deep.equal([1, 0]);
    });

    it('fails a check that gets no response in time', async () => {
      const system = run([shell('a', forever, { ...http(), timeoutMs: 100, intervalMs: 10 })]);
      await system.reaches('a', 'running');
      answer = 'silence';
      const { message } = await system.reaches('a', 'backing-off');
      expect(message).match(/^no response within 100 ms; restarting in/);
    });

    it('keeps no connection open, for servers that serve one at a time', async () => {
      const asked = once(server, 'request');
      run([shell('a', forever, http())]);
      const [{ headers }] = (await asked) as [IncomingMessage];
      expect(headers.connection).equal('close');
    });

    it('doesn’t wait for the end of a response', async () => {
      server.removeAllListeners('request').on('request', (_, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': 1e9 }).write('endless');
      });
      const system = run([shell('a', forever, http())]);
      await system.reaches('a', 'running');
      expect(system.view().components[0]).include({ health: 'healthy', restarts: 0 });
    });

    it('waits for a port to accept connections', async () => {
      const check = { kind: 'tcp', host: '127.0.0.1', port } as const;
      const system = run([
        shell('a', forever, { ...asked, check }),
        shell('refused', forever, { ...asked, startDeadlineMs: 3_000, check: { ...check, port: 1 } }),
      ]);
      await system.reaches('a', 'running');
      const { message } = await system.reaches('refused', 'stopping');
      expect(message).match(/^stopping: not up within 3 s: connect ECONNREFUSED/);
    });
  });

  it('waits for a line on standard output, and for none on standard error', async () => {
    const check = { kind: 'line', pattern: '^ready \\d+$' } as const;
    const more = { upWhen: 'checked', check } as const;
    const system = run([
      shell('a', `echo ready or not; echo ready 12; ${forever}`, more),
      shell('b', `echo ready 12 >&2; ${forever}`, { ...more, startDeadlineMs: 300 }),
    ]);
    await system.reaches('a', 'running');
    expect((await system.reaches('b', 'stopping')).message).match(/not up within 300 ms/);
  });

  it('waits for a command to exit with 0, and reports its last line', async () => {
    const cwd = await newFolder();
    const check = { kind: 'exec', command: ['sh', '-c', 'echo looking; test -e there'] } as const;
    const system = run([shell('a', `echo x > there; ${forever}`, { ...asked, check, cwd })]);
    await system.reaches('a', 'running');
    const ill = run([
      shell('a', forever, { ...asked, startDeadlineMs: 3_000, check, cwd: await newFolder() }),
    ]);
    const { message } = await ill.reaches('a', 'stopping');
    expect(message).match(/not up within 3 s: sh ended with 1: looking/);
  });

  it('ends a check that hangs, and restarts the component', async () => {
    const check = { kind: 'exec', command: ['sh', '-c', forever] } as const;
    const system = run([shell('a', forever, { ...asked, check, timeoutMs: 50, startDeadlineMs: 3_000 })]);
    const { message } = await system.reaches('a', 'backing-off');
    expect(message).match(/not up within 3 s: no response within 50 ms/);
  });

  it('ends a running check with its component', async function () {
    if (!hasProcesses) this.skip();
    const cwd = await newFolder();
    const command = ['sh', '-c', `trap '' TERM; echo $$ > checking; mv checking check; ${forever}`];
    const check = { kind: 'exec', command } as const;
    const system = run([shell('a', forever, { ...asked, check, cwd, timeoutMs: 3_600_000 })]);
    const pid = (): number => {
      try {
        return Number(readFileSync(join(cwd, 'check'), 'utf8'));
      } catch {
        return 0;
      }
    };
    await until(() => pid() > 0);
    system.stop();
    await system.ended;
    expect(isGone(pid())).equal(true);
  });

  it('gives the programs of a shell their time to end, although the shell ends at once', async () => {
    const program = `trap 'sleep 0.2; echo saved; exit' TERM; echo ready; while :; do sleep 0.01; done`;
    const system = run([
      shell('a', `sh -c "${program}"; true`, {
        upWhen: 'checked',
        check: { kind: 'line', pattern: 'ready' },
      }),
    ]);
    await system.reaches('a', 'running');
    system.stop();
    await system.ended;
    expect(system.lines.map(({ line }) => line)).include('saved');
  });

  it('continues without a component that always dies', async () => {
    const restarts = { max: 2, windowMs: 60_000, firstMs: 1, maxMs: 1 };
    const neverUp = { upWhen: 'checked', check: { kind: 'line', pattern: 'up' } } as const;
    const system = run([
      shell('dies', 'echo why >&2; exit 3', { ...neverUp, restarts }),
      shell('lives', forever),
    ]);
    const { message } = await system.reaches('dies', 'failed');
    expect(message).equal('failed: ended with 3, after 2 restarts within 1 min');
    expect(system.lines.map(({ component, stream, line }) => [component, stream, line])).deep.equal(
      Array.from({ length: 3 }, () => ['dies', 'stderr', 'why']),
    );
    const { status, components } = system.view();
    expect(status).equal('degraded');
    expect(components[0]).deep.include({ state: 'failed', pid: null, restarts: 2 });
    expect(components[0]!.lastExit).include({ code: 3, signal: null });
    expect(components[1]).include({ state: 'running', restarts: 0 });
    system.stop();
    expect(await system.ended).equal('not-started');
  });

  it('reports programs and folders that don’t exist', async () => {
    const restarts = { max: 0, windowMs: 1000, firstMs: 1, maxMs: 1 };
    const system = run([
      shell('program', '', { restarts, command: ['no-such-program'] }),
      shell('folder', forever, { restarts, cwd: '/no/such/folder' }),
      shell('nul', 'echo \0', { restarts }),
    ]);
    expect(await system.ended).equal('not-started');
    const [program, folder, nul] = system.view().components;
    expect(program!.reason).equal('ended with 127');
    expect(system.lines[0]!.line).match(/no-such-program.*not found/);
    expect(folder!.reason).match(/^could not be started: .*\/no\/such\/folder/);
    expect(nul!.reason).match(/^could not be started: /);
  });

  it('reads no faster than lines are consumed', async () => {
    const { opened, open } = gate();
    const first = gate();
    const system = run([shell('a', 'yes | head -n 200000', { restart: 'never' })], () => {
      first.open();
      return opened;
    });
    await first.opened;
    await pause(100); // for lines that should not come
    expect(system.lines.length).equal(1);
    open();
    expect(await system.ended).equal('completed');
    expect(system.lines.length).equal(200_000);
  });
});
