import { expect } from 'chai';
import type { ErrorCode } from '../../../src/errors.js';
import { authorize, type Access, type Identity } from '../../../src/server/auth/identity.js';
import { configSchema, isAuthOn } from '../../../src/server/config/config.js';
import { routes } from '../../../src/server/routes/routes.js';
import {
  ADMIN,
  closeAll,
  ENROLLMENT,
  FLAT,
  type Fixture,
  sessionConfig,
  start,
  updatePath,
  vector,
} from '../fixture.js';
import { expectRefusal } from '../../support/refusal.js';

const guarded = () =>
  start({ config: { auth: { enabled: true, adminToken: ADMIN, enrollmentToken: ENROLLMENT } } });

const register = async (fixture: Fixture, id: string): Promise<string> => {
  const { json } = await fixture.call('POST', '/v1/nodes', {
    token: ENROLLMENT,
    json: { id, sessions: ['s'] },
  });
  return (json as { token: string }).token;
};

describe('authorize', () => {
  it('grants each identity its rights and nothing more', async () => {
    const admin: Identity = { kind: 'admin' };
    const node: Identity = { kind: 'node', id: 'a' };
    const enrollment: Identity = { kind: 'enrollment' };
    const nobody: Identity = { kind: 'anonymous' };
    const matrix: [Access, Identity, string | undefined, ErrorCode | null][] = [
      ['public', nobody, undefined, null],
      ['public', enrollment, undefined, null],
      ['read', nobody, undefined, 'UNAUTHORIZED'],
      ['read', enrollment, undefined, 'FORBIDDEN'],
      ['read', node, 'b', null],
      ['read', admin, undefined, null],
      ['own-node', nobody, 'a', 'UNAUTHORIZED'],
      ['own-node', enrollment, 'a', 'FORBIDDEN'],
      ['own-node', node, 'a', null],
      ['own-node', node, 'b', 'NOT_YOUR_NODE'],
      ['own-node', node, undefined, 'NOT_YOUR_NODE'],
      ['own-node', admin, 'b', null],
      ['register', nobody, 'a', 'UNAUTHORIZED'],
      ['register', enrollment, 'a', null],
      ['register', node, 'a', null],
      ['register', node, 'b', 'NOT_YOUR_NODE'],
      ['register', admin, 'b', null],
      ['admin', nobody, undefined, 'UNAUTHORIZED'],
      ['admin', enrollment, undefined, 'FORBIDDEN'],
      ['admin', node, undefined, 'FORBIDDEN'],
      ['admin', admin, undefined, null],
    ];
    for (const [access, identity, about, code] of matrix) {
      if (code === null) authorize(access, identity, about);
      else await expectRefusal(() => authorize(access, identity, about), code);
    }
  });
});

describe('tokens', () => {
  afterEach(closeAll);

  it('are required beyond the loopback interface, unless configured otherwise', () => {
    const isOn = (host: string, enabled: 'auto' | boolean = 'auto') =>
      isAuthOn(configSchema.parse({ listen: { host }, auth: { enabled } }));
    for (const host of ['127.0.0.1', 'localhost', '::1', '127.1.2.3']) expect(isOn(host), host).false;
    for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org', '127.0.0.1.example.org']) {
      expect(isOn(host), host).true;
    }
    expect(isOn('127.0.0.1', true)).true;
    expect(isOn('0.0.0.0', false)).false;
  });

  it('are needed for every route that is not public', async () => {
    const fixture = await guarded();
    for (const { method, path, access } of routes) {
      const address = path.replace(':session', 's').replace(':node', 'a').replace(':round', '1');
      if (access === 'public') {
        expect((await fixture.call(method, address)).status, path).equal(200);
        continue;
      }
      const problem = await fixture.call(method, address);
      expect(problem.status, `${method} ${path}`).equal(401);
      expect(problem.headers.get('www-authenticate')).match(/^Bearer/);
      await fixture.refusal('UNAUTHORIZED', method, address, { token: 'a-token-that-nobody-has' });
      await fixture.refusal('UNAUTHORIZED', method, address, { headers: { authorization: 'Basic YTpi' } });
    }
  });

  it('let a node act as itself alone', async () => {
    const fixture = await guarded();
    await fixture.call('POST', '/v1/sessions', { token: ADMIN, json: sessionConfig({ quorum: 2 }) });
    const a = await register(fixture, 'a');
    const b = await register(fixture, 'b');
    expect(a).not.equal(b);
    await fixture.call('PUT', '/v1/sessions/s/model', { token: ADMIN, headers: FLAT, body: vector(0) });
    await fixture.call('POST', '/v1/sessions/s/start', { token: ADMIN });

    const upload = { headers: FLAT, body: vector(1) };
    await fixture.refusal('NOT_YOUR_NODE', 'PUT', updatePath('b'), { token: a, ...upload });
    await fixture.refusal('NOT_YOUR_NODE', 'POST', '/v1/nodes/b/heartbeat', { token: a });
    await fixture.refusal('NOT_YOUR_NODE', 'DELETE', '/v1/nodes/b', { token: a });
    await fixture.refusal('NOT_YOUR_NODE', 'PUT', '/v1/sessions/s/rounds/1/evaluations/b', {
      token: a,
      json: { metrics: {} },
    });
    await fixture.refusal('FORBIDDEN', 'POST', '/v1/sessions/s/stop', { token: a });
    await fixture.refusal('FORBIDDEN', 'PUT', '/v1/sessions/s/model', { token: a, ...upload });
    await fixture.refusal('FORBIDDEN', 'POST', '/v1/sessions', { token: a, json: sessionConfig() });
    expect((await fixture.call('PUT', updatePath('a'), { token: a, ...upload })).status).equal(202);
    expect((await fixture.call('POST', '/v1/nodes/b/heartbeat', { token: b })).status).equal(200);
    expect((await fixture.call('GET', '/v1/sessions/s', { token: b })).status).equal(200);
    expect((await fixture.call('GET', updatePath('a'), { token: b })).status).equal(200);
    expect((await fixture.call('PUT', updatePath('b'), { token: ADMIN, ...upload })).status).equal(202);
  });

  it('let nodes come back with their own, and new ones in with the enrollment token', async () => {
    const fixture = await guarded();
    await fixture.call('POST', '/v1/sessions', { token: ADMIN, json: sessionConfig() });
    const post = (id: string) => ({ json: { id, sessions: ['s'] } });
    const a = await register(fixture, 'a');
    const back = await fixture.call('POST', '/v1/nodes', { token: a, ...post('a') });
    expect(back.status, back.text).equal(200);
    expect((back.json as { token: unknown }).token).equal(null);
    await fixture.refusal('NOT_YOUR_NODE', 'POST', '/v1/nodes', { token: a, ...post('other') });
    await fixture.refusal('NODE_EXISTS', 'POST', '/v1/nodes', { token: ENROLLMENT, ...post('a') });
    await fixture.refusal('UNAUTHORIZED', 'POST', '/v1/nodes', post('c'));
    await fixture.refusal('FORBIDDEN', 'GET', '/v1/nodes', { token: ENROLLMENT });
    expect((await fixture.call('POST', '/v1/nodes', { token: ADMIN, ...post('c') })).status).equal(201);
    expect((await fixture.call('DELETE', '/v1/nodes/a', { token: a })).status).equal(204);
    await fixture.refusal('UNAUTHORIZED', 'GET', '/v1/nodes', { token: a });
  });

  it('that a node chose itself give the same answer again, and no other one does', async () => {
    const fixture = await guarded();
    await fixture.call('POST', '/v1/sessions', { token: ADMIN, json: sessionConfig() });
    const chosen = 'c'.repeat(43);
    const post = (token?: string) => ({ token: ENROLLMENT, json: { id: 'a', sessions: ['s'], token } });
    for (const status of [201, 200, 200]) {
      const answer = await fixture.call('POST', '/v1/nodes', post(chosen));
      expect([answer.status, (answer.json as { token: unknown }).token]).deep.equal([status, chosen]);
    }
    await fixture.refusal('NODE_EXISTS', 'POST', '/v1/nodes', post('d'.repeat(43)));
    await fixture.refusal('NODE_EXISTS', 'POST', '/v1/nodes', post());
    await fixture.refusal('INVALID_PARAMETER', 'POST', '/v1/nodes', post('short'));
    expect((await fixture.call('POST', '/v1/nodes/a/heartbeat', { token: chosen })).status).equal(200);
    await fixture.refusal('UNAUTHORIZED', 'POST', '/v1/nodes/a/heartbeat', { token: 'd'.repeat(43) });
    expect(JSON.stringify(fixture.log)).not.include(chosen);
  });

  it('are generated if none is configured, and appear in no response and no log', async () => {
    const fixture = await start({ config: { auth: { enabled: true } } });
    const made = fixture.server.generatedAdminToken!;
    expect(made).match(/^[A-Za-z0-9_-]{43}$/);
    await fixture.call('POST', '/v1/sessions', { token: made, json: sessionConfig() });
    const { text } = await fixture.call('GET', '/v1/config?', { token: made });
    const { json } = await fixture.call('POST', '/v1/nodes', { token: made, json: { id: 'a' } });
    const { token } = json as { token: string };
    await fixture.call('GET', `/v1/status?token=${token}`, { token });
    await fixture.call('GET', '/v1/status', { token: `${token}x` });
    for (const secret of [made, token]) {
      expect(JSON.stringify(fixture.log)).not.include(secret);
      expect(text).not.include(secret);
    }
    expect(fixture.log.length).greaterThan(3);
    const open = await start();
    expect(open.server.generatedAdminToken).equal(null);
    const configured = await guarded();
    expect(configured.server.generatedAdminToken).equal(null);
    const shown = (await configured.call('GET', '/v1/config', { token: ADMIN })).text;
    expect(shown).not.include(ADMIN).not.include(ENROLLMENT);
  });
});
