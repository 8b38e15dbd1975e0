import { expect } from 'chai';
import { createClient, joinSession } from '../../src/client/index.js';
import { newToken } from '../../src/protocol/names.js';
import { loadConfig } from '../../src/server/index.js';
import { ADMIN, closeAll, ENROLLMENT, sessionConfig, start } from '../server/fixture.js';
import { expectRefusal } from '../support/refusal.js';

const around = (token: string) => [`${token}\n`, `${token}\r\n`, ` ${token}\t`, `\uFEFF${token}\n\n`];

describe('a token with blanks or line breaks around it', () => {
  afterEach(closeAll);

  it('is sent without them, whatever it was read from', async () => {
    const auth = { enabled: true, adminToken: `${ADMIN}\n`, enrollmentToken: ` ${ENROLLMENT}\r\n` } as const;
    const fixture = await start({ config: { auth } });
    for (const token of around(ADMIN)) {
      const client = createClient({ server: fixture.url, token });
      expect(await client.sessions()).deep.equal([]);
    }
    await fixture.coordinator.createSession(sessionConfig());
    for (const [k, token] of [0, 1, 2, 3].map((one) => around(newToken())[one]!).entries()) {
      const controller = new AbortController();
      const seen: unknown[] = [];
      const joining = joinSession({
        server: fixture.url,
        session: 's',
        node: `node-${k}`,
        token,
        enrollmentToken: `${ENROLLMENT}\n`,
        train: ({ model }) => ({ update: model.values }),
        signal: controller.signal,
        onEvent: (event) => {
          seen.push(event.type);
          if (event.type === 'connected') controller.abort();
        },
      });
      await joining.catch(() => undefined);
      expect(seen).include('registered');
      const client = createClient({ server: fixture.url, token });
      expect((await client.heartbeat(`node-${k}`)).id).equal(`node-${k}`);
    }
    const json = { id: 'posted', token: `${newToken()}\n` };
    const answer = await fixture.call('POST', '/v1/nodes', { token: ADMIN, json });
    expect((answer.json as { token: string }).token).equal(json.token.trim());
  });

  it('is read without them from variables, flags and files', async () => {
    const environment = { QUORATE_AUTH_ADMIN_TOKEN: `${ADMIN}\n` };
    const flags = { 'auth.enrollmentToken': `\t${ENROLLMENT} ` };
    const { auth } = await loadConfig({ environment, flags });
    expect(auth).include({ adminToken: ADMIN, enrollmentToken: ENROLLMENT });
  });

  it('is refused where it has them inside, without being shown', async () => {
    const server = 'http://127.0.0.1:9';
    const join = { server, session: 's', node: 'a', train: () => ({ update: new Float32Array(1) }) };
    for (const token of ['secret\nsecret', 'secret secret', 'secr\u00e9t', 'secret\0', '', ' \n']) {
      for (const work of [
        () => createClient({ server, token }),
        () => joinSession({ ...join, token }),
        () => joinSession({ ...join, enrollmentToken: token }),
      ]) {
        const { message } = await expectRefusal(work, 'INVALID_PARAMETER');
        expect(message).not.include('secr');
      }
    }
    const environment = { QUORATE_AUTH_ADMIN_TOKEN: 'the-first-secret\nthe-second' };
    const { message } = await expectRefusal(() => loadConfig({ environment }), 'INVALID_PARAMETER');
    expect(message).not.include('secret\n');
  });
});
