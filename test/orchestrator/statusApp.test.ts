import { expect } from 'chai';
import { readStatus } from '../../src/orchestrator/index.js';
import { serveStatus, type StatusServer } from '../../src/orchestrator/statusApp.js';
import { viewOf } from '../../src/orchestrator/supervise/statusView.js';
import { aComponent, checked, Play } from '../support/orchestrator/play.js';
import { expectRefusal } from '../support/refusal.js';
import { Raw } from '../server/raw.js';

const stoppedAt = (nowMs: number) => ({ now: () => nowMs, toWall: (atMs: number) => atMs });

describe('serveStatus', () => {
  let server: StatusServer;
  let play: Play;

  beforeEach(async () => {
    play = new Play([checked('a'), aComponent('b', { dependsOn: ['a'] })]).tick();
    server = await serveStatus(() => viewOf(play.policy, play.state, stoppedAt(play.atMs)), 0);
  });
  afterEach(() => server.close());

  const get = (path: string, method = 'GET') => fetch(server.url + path, { method });

  it('lists every component, as the command reads it', async () => {
    play.started('a').passesCheck('a').after(500);
    const view = await readStatus(server.url);
    expect(view).deep.equal({
      status: 'not-ready',
      components: [
        {
          name: 'a',
          state: 'running',
          pid: 101,
          uptimeMs: 500,
          restarts: 0,
          health: 'healthy',
          reason: null,
          lastExit: null,
          dependsOn: [],
        },
        {
          name: 'b',
          state: 'starting',
          pid: null,
          uptimeMs: 500,
          restarts: 0,
          health: null,
          reason: null,
          lastExit: null,
          dependsOn: ['a'],
        },
      ],
    });
    play.started('b').after(29_900).ended('b', 7).after(100).failsCheck('a').ended('b', 7);
    const [a, b] = (await readStatus(server.url)).components;
    expect(a).include({ health: 'failing', reason: 'no answer' });
    expect(b).deep.include({ state: 'backing-off', reason: 'ended with 7', uptimeMs: null });
    expect(b!.lastExit).include({ code: 7, atMs: play.atMs });
  });

  it('is ready when everything is up, and live all the time', async () => {
    const ready = async () => {
      const answer = await get('/health/ready');
      return [answer.status, await answer.json()];
    };
    expect(await ready()).deep.equal([503, { status: 'not-ready' }]);
    play.started('a').passesCheck('a').started('b');
    expect(await ready()).deep.equal([200, { status: 'ready' }]);
    play.dispatch({ type: 'stop' });
    expect(await ready()).deep.equal([503, { status: 'stopping' }]);
    expect(await (await get('/health/live')).json()).deep.equal({ status: 'live' });
  });

  it('answers with problem documents elsewhere', async () => {
    for (const [path, method, status, code] of [
      ['/', 'GET', 404, 'NOT_FOUND'],
      ['/v1/components', 'POST', 405, 'METHOD_NOT_ALLOWED'],
    ] as const) {
      const answer = await get(path, method);
      expect(answer.status).equal(status);
      expect(answer.headers.get('content-type')).match(/^application\/problem\+json/);
      expect(await answer.json()).include({ code, status });
    }
    expect((await get('/v1/components', 'HEAD')).status).equal(200);
  });

  it('answers for localhost and addresses only, except to health checks', async () => {
    const port = Number(new URL(server.url).port);
    const ask = async (path: string, head: string) => {
      const raw = await Raw.open(port);
      raw.send(`GET ${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`);
      return (await raw.closed()).slice(9, 12);
    };
    expect(await ask('/v1/components', 'Host: localhost:1')).equal('200');
    expect(await ask('/v1/components', 'Host: evil.example')).equal('421');
    expect(await ask('/v1/components', 'Host: localhost\r\nX-Forwarded-For: 1.2.3.4')).equal('421');
    expect(await ask('/health/live', 'Host: evil.example')).equal('200');
    expect(await ask('/v1/components', 'X: y')).equal('400');
  });

  it('refuses a port that is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expectRefusal(
      () => serveStatus(() => viewOf(play.policy, play.state, stoppedAt(0)), port),
      'PORT_IN_USE',
    );
    await server.close();
    await expectRefusal(() => readStatus(server.url), 'CONNECTION_FAILED');
  });
});
