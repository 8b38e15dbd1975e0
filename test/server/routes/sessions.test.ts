import { expect } from 'chai';
import type {
  MetricsPoint,
  NodeView,
  RoundSummary,
  RoundView,
  SessionView,
} from '../../../src/protocol/views.js';
import { version } from '../../../src/manifest.js';
import {
  closeAll,
  committed,
  FLAT,
  type Fixture,
  sessionConfig,
  start,
  startSession,
  updatePath,
  vector,
} from '../fixture.js';

describe('/v1/sessions', () => {
  afterEach(closeAll);

  it('creates a session once', async () => {
    const fixture = await start();
    const first = await fixture.call('POST', '/v1/sessions', { json: sessionConfig() });
    expect(first.status, first.text).equal(201);
    expect(first.json).include({ id: 's', status: 'created', committed: 0 });
    expect((first.json as SessionView).config.deadlineMs).equal(60_000);
    expect((await fixture.call('POST', '/v1/sessions', { json: sessionConfig() })).status).equal(200);
    await fixture.refusal('SESSION_EXISTS', 'POST', '/v1/sessions', { json: sessionConfig({ rounds: 3 }) });
    const { sessions } = await fixture.get<{ sessions: SessionView[] }>('/v1/sessions');
    expect(sessions.map(({ id }) => id)).deep.equal(['s']);
  });

  it('is created, started, paused, resumed, stopped and deleted', async () => {
    const fixture = await start();
    await fixture.call('POST', '/v1/sessions', { json: sessionConfig() });
    await fixture.call('PUT', '/v1/sessions/s/model', { headers: FLAT, body: vector(0) });
    const change = async (verb: string) =>
      (await fixture.call('POST', `/v1/sessions/s/${verb}`)).json as SessionView;
    expect((await change('start')).status).equal('running');
    await fixture.refusal('WRONG_STATE', 'PUT', '/v1/sessions/s/model', { headers: FLAT, body: vector(0) });
    expect((await change('pause')).status).equal('paused');
    expect((await change('resume')).status).equal('running');
    expect((await change('stop')).status).equal('stopped');
    await fixture.refusal('WRONG_STATE', 'POST', '/v1/sessions/s/resume');
    expect((await fixture.call('DELETE', '/v1/sessions/s')).status).equal(204);
    await fixture.refusal('UNKNOWN_SESSION', 'GET', '/v1/sessions/s');
    await fixture.refusal('UNKNOWN_SESSION', 'POST', '/v1/sessions/s/start');
  });

  it('shows a single node on request', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b']);
    const nodesOf = async (query: string) => {
      const { nodes } = await fixture.get<SessionView>(`/v1/sessions/s${query}`);
      return nodes.map(({ node }) => node);
    };
    expect(await nodesOf('')).deep.equal(['a', 'b']);
    expect(await nodesOf('?node=b')).deep.equal(['b']);
    expect(await nodesOf('?node=toString')).deep.equal([]);
    await fixture.refusal('INVALID_PARAMETER', 'GET', '/v1/sessions/s?node=');
  });

  it('refuses what is no session, naming the place', async () => {
    const fixture = await start();
    const post = (json: unknown) => ({ json });
    const refuse = fixture.refusal.bind(fixture);
    const misspelt = await refuse(
      'UNKNOWN_PARAMETER',
      'POST',
      '/v1/sessions',
      post({ ...sessionConfig(), quorom: 1 }),
    );
    expect(misspelt.details).include({ owner: 'body', parameter: 'quorom' });
    const wrong = await refuse(
      'INVALID_PARAMETER',
      'POST',
      '/v1/sessions',
      post({ ...sessionConfig(), quorum: 0 }),
    );
    expect(wrong.details).include({ owner: 'body', parameter: 'quorum' });
    await refuse('INVALID_PARAMETER', 'POST', '/v1/sessions', post([]));
    await refuse('INVALID_PARAMETER', 'POST', '/v1/sessions', post(null));
    await refuse('INVALID_PARAMETER', 'POST', '/v1/sessions', post({ ...sessionConfig(), id: '../etc' }));
    await refuse('UNKNOWN_RULE', 'POST', '/v1/sessions', post(sessionConfig({ pipeline: 'average' })));
    const json = { 'content-type': 'application/json' };
    for (const body of ['{"id":', '', '{"id":"s"}}', '\ufeff', '['.repeat(100_000), '{"a":'.repeat(5000)]) {
      await refuse('MALFORMED', 'POST', '/v1/sessions', { headers: json, body });
    }
    const deep = `{"id":"deep","capabilities":{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`;
    await refuse('MALFORMED', 'POST', '/v1/nodes', { headers: json, body: deep });
    const quoted = `{"id":"flat","capabilities":{"x":"${'['.repeat(100)}\\""}}`;
    expect((await fixture.call('POST', '/v1/nodes', { headers: json, body: quoted })).status).equal(201);
    await refuse('MALFORMED', 'POST', '/v1/sessions', {
      headers: json,
      body: Uint8Array.of(0x22, 0xff, 0x22),
    });
    await refuse('UNSUPPORTED_MEDIA_TYPE', 'POST', '/v1/sessions', { body: '{}' });
    await refuse('UNSUPPORTED_MEDIA_TYPE', 'POST', '/v1/sessions', {
      headers: { 'content-type': 'text/plain' },
      body: '{}',
    });
    await refuse('PAYLOAD_TOO_LARGE', 'POST', '/v1/sessions', { headers: json, body: ' '.repeat(1_048_577) });
    expect(await fixture.get('/v1/sessions')).deep.equal({ sessions: [] });
  });

  it('creates what the configuration names', async () => {
    const fixture = await start({ config: { sessions: [sessionConfig({ id: 'first' })] } });
    expect((await fixture.get<SessionView>('/v1/sessions/first')).status).equal('created');
  });
});

async function train(fixture: Fixture, rounds: number): Promise<void> {
  await startSession(fixture, ['a', 'b'], { quorum: 2, rounds: 50 });
  for (let round = 1; round <= rounds; round++) {
    for (const node of ['a', 'b']) {
      const headers = { ...FLAT, 'quorate-metrics': JSON.stringify({ loss: 1 / round }) };
      const answer = await fixture.call('PUT', updatePath(node, round), { headers, body: vector(round) });
      expect(answer.status, answer.text).equal(202);
    }
    await committed(fixture, round);
  }
}

describe('lists', () => {
  afterEach(closeAll);

  it('are in the order of ids, whatever order they came in', async () => {
    const fixture = await start();
    for (const id of ['b', 'c', 'a']) {
      await fixture.call('POST', '/v1/sessions', { json: { id, pipeline: 'median', quorum: 1 } });
      await fixture.call('POST', '/v1/nodes', { json: { id } });
    }
    type Listed = Record<'sessions' | 'nodes', { id: string }[]>;
    for (const list of ['sessions', 'nodes'] as const) {
      const listed = (await fixture.get<Listed>(`/v1/${list}`))[list];
      expect(
        listed.map(({ id }) => id),
        list,
      ).deep.equal(['a', 'b', 'c']);
    }
  });
});

describe('…/rounds and …/metrics', () => {
  afterEach(closeAll);

  it('come by pages, without gap or repetition', async () => {
    const fixture = await start();
    await train(fixture, 5);
    const pages = async <T>(name: string): Promise<T[]> => {
      const all: T[] = [];
      for (let from: number | null = 0; from !== null;) {
        const page: Record<string, T[]> & { next: number | null } = await fixture.get(
          `/v1/sessions/s/${name}?from=${from}&limit=2`,
        );
        expect(page[name]!.length).within(1, 2);
        all.push(...page[name]!);
        from = page.next;
      }
      return all;
    };
    const rounds = await pages<RoundSummary>('rounds');
    expect(rounds.slice(0, 5).map(({ number, phase }) => [number, phase])).deep.equal(
      [1, 2, 3, 4, 5].map((number) => [number, 'committed']),
    );
    const metrics = await pages<MetricsPoint>('metrics');
    expect(metrics.map(({ round }) => round)).deep.equal([1, 2, 3, 4, 5]);
    expect(metrics.map((point) => point.metrics['train.loss'])).deep.equal(
      [1, 2, 3, 4, 5].map((round) => 1 / round),
    );
    for (const query of ['from=x', 'limit=0', 'limit=1001', 'from=1&from=2', 'page=1']) {
      const code = query === 'page=1' ? 'UNKNOWN_PARAMETER' : 'INVALID_PARAMETER';
      await fixture.refusal(code, 'GET', `/v1/sessions/s/rounds?${query}`);
    }
  });

  it('show a round, and take evaluations of it', async () => {
    const fixture = await start();
    await train(fixture, 1);
    const round = await fixture.get<RoundView>('/v1/sessions/s/rounds/1');
    expect(round).include({ number: 1, phase: 'committed', pipeline: 'mean', accepted: 2 });
    const answer = await fixture.call('PUT', '/v1/sessions/s/rounds/1/evaluations/a', {
      json: { metrics: { accuracy: 0.5 }, numExamples: 10 },
    });
    expect(answer.status, answer.text).equal(204);
    await fixture.refusal('ROUND_NOT_OPEN', 'PUT', '/v1/sessions/s/rounds/2/evaluations/a', {
      json: { metrics: { accuracy: 0.5 } },
    });
    await fixture.refusal('CONFLICTING_UPDATE', 'PUT', '/v1/sessions/s/rounds/1/evaluations/a', {
      json: { metrics: { accuracy: 0.4 } },
    });
    await fixture.refusal('UNKNOWN_NODE', 'PUT', '/v1/sessions/s/rounds/1/evaluations/z', {
      json: { metrics: {} },
    });
    await fixture.refusal('INVALID_PARAMETER', 'PUT', '/v1/sessions/s/rounds/1/evaluations/a', { json: {} });
    await fixture.refusal('UNKNOWN_ROUND', 'GET', '/v1/sessions/s/rounds/99');
  });
});

describe('/v1/nodes', () => {
  afterEach(closeAll);

  it('registers and lists nodes, takes heartbeats, and removes nodes', async () => {
    const fixture = await start();
    const first = await fixture.call('POST', '/v1/nodes', { json: { id: 'a', capabilities: { gpu: true } } });
    expect(first.status, first.text).equal(201);
    expect((first.json as { token: null }).token).equal(null);
    expect(
      (await fixture.call('POST', '/v1/nodes', { json: { id: 'a', capabilities: { gpu: true } } })).status,
    ).equal(200);
    const heard = await fixture.call('POST', '/v1/nodes/a/heartbeat');
    expect(heard.json).include({ id: 'a', heartbeatMs: 5000 });
    expect((await fixture.get<{ nodes: NodeView[] }>('/v1/nodes')).nodes.map(({ id }) => id)).deep.equal([
      'a',
    ]);
    expect((await fixture.get<NodeView>('/v1/nodes/a')).capabilities).deep.equal({ gpu: true });
    expect((await fixture.call('DELETE', '/v1/nodes/a')).status).equal(204);
    await fixture.refusal('UNKNOWN_NODE', 'GET', '/v1/nodes/a');
    await fixture.refusal('UNKNOWN_NODE', 'POST', '/v1/nodes/a/heartbeat');
    await fixture.refusal('UNKNOWN_NODE', 'DELETE', '/v1/nodes/a');
    await fixture.refusal('INVALID_PARAMETER', 'POST', '/v1/nodes', { json: { id: 'a b' } });
  });

  it('takes another key for another node', async () => {
    const fixture = await start();
    const register = (publicKey: string) => ({ json: { id: 'a', publicKey: publicKey.repeat(43) } });
    expect((await fixture.call('POST', '/v1/nodes', register('A'))).status).equal(201);
    await fixture.refusal('NODE_EXISTS', 'POST', '/v1/nodes', register('B'));
  });
});

describe('the server’s status and documentation', () => {
  afterEach(closeAll);

  it('is alive and ready', async () => {
    const fixture = await start();
    expect(await fixture.get('/health/live')).deep.equal({ status: 'live' });
    expect(await fixture.get('/health/ready')).deep.equal({ status: 'ready' });
  });

  it('counts its nodes and sessions', async () => {
    const fixture = await start();
    await startSession(fixture, ['a', 'b']);
    const status = await fixture.get<Record<string, Record<string, number>>>('/v1/status');
    expect(status.version).equal(version);
    expect(status.sessions!.running).equal(1);
    expect(Object.values(status.nodes!).reduce((sum, count) => sum + count)).equal(2);
    expect(status.events!.last).greaterThan(0);
  });

  it('lists its rules and optimizers', async () => {
    const fixture = await start();
    const { rules, optimizers } = await fixture.get<Record<string, { name: string }[]>>('/v1/rules');
    expect(rules!.map(({ name }) => name)).include.members(['trimmed-mean', 'nnm', 'krum']);
    expect(optimizers!.map(({ name }) => name)).include.members(['fed-avg', 'fed-adam']);
  });

  it('compresses JSON, and nothing else', async () => {
    const fixture = await start();
    await fixture.coordinator.createSession(sessionConfig());
    await fixture.call('PUT', '/v1/sessions/s/model', { headers: FLAT, body: vector(0, 10_000) });
    const gzip = { headers: { 'accept-encoding': 'gzip' } };
    const rules = await fixture.call('GET', '/v1/rules', gzip);
    expect(rules.headers.get('content-encoding')).equal('gzip');
    const model = await fixture.call('GET', '/v1/sessions/s/model', gzip);
    expect(model.headers.get('content-encoding')).equal(null);
    const plain = await fixture.call('GET', '/v1/rules', { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-encoding')).equal(null);
    expect(plain.headers.get('vary')).match(/Accept-Encoding/);
  });

  it('has a page for its routes and one for its errors, which run nothing inline', async () => {
    const fixture = await start({ config: { auth: { enabled: true } } });
    for (const path of ['/docs', '/docs/errors']) {
      const { status, headers, text } = await fixture.call('GET', path);
      expect(status, path).equal(200);
      expect(headers.get('content-security-policy'))
        .match(/default-src 'self'/)
        .not.match(/unsafe/);
      expect(text).not.match(/<script>|<style>|\son\w+=|\sstyle=|https?:/);
    }
    for (const path of [
      '/docs/swagger-ui.css',
      '/docs/swagger-ui-bundle.js',
      '/docs/explorer.js',
      '/docs/page.css',
      '/openapi.json',
    ]) {
      expect((await fixture.call('GET', path)).status, path).equal(200);
    }
    const slash = await fetch(`${fixture.url}/docs/`, { redirect: 'manual' });
    expect([slash.status, slash.headers.get('location')]).deep.equal([301, '../docs']);
    const root = await fetch(`${fixture.url}/`, { redirect: 'manual' });
    expect([root.status, root.headers.get('location')]).deep.equal([302, 'docs']);
    expect((await fixture.call('GET', '/docs/errors')).text).include('id="BAD_DIGEST"');
    // The explorer has elements of its own: what is ours is told by a class.
    const { text: style } = await fixture.call('GET', '/docs/page.css');
    expect(style.match(/^(?!body |\.).+/gm)).equal(null);
  });

  it('answers 404 for what does not exist', async () => {
    const fixture = await start();
    for (const path of [
      '/v1',
      '/v1/nothing',
      '/v1/status/',
      '/V1/status',
      '/docs/../package.json',
      '/%00',
      '/v1/nodes/%E0%A4%A',
    ]) {
      const { status } = await fixture.call('GET', path);
      expect(status, path).oneOf([400, 404]);
    }
    const problem = await fixture.call('DELETE', '/v1/status');
    expect(problem.status).equal(405);
    expect(problem.headers.get('allow')).equal('HEAD, GET');
    const options = await fixture.call('OPTIONS', '/v1/status');
    expect([options.status, options.headers.get('allow')]).deep.equal([204, 'HEAD, GET']);
    expect((await fixture.call('HEAD', '/v1/status')).status).equal(200);
    for (const path of ['/docs', '/docs/errors', '/openapi.json']) {
      const { status, headers } = await fixture.call('POST', path);
      expect([status, headers.get('allow')], path).deep.equal([405, 'HEAD, GET']);
    }
  });
});
