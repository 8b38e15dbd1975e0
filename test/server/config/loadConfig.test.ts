import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { configSchema } from '../../../src/server/config/config.js';
import { loadConfig, printConfig, settings } from '../../../src/server/config/loadConfig.js';
import { expectRefusal } from '../../support/refusal.js';

let folder: string;

function hasFolder(): void {
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'quorate-config-'))));
  afterEach(() => rm(folder, { recursive: true }));
}

const file = async (text: string) => {
  const path = join(folder, 'quorate.yaml');
  await writeFile(path, text);
  return path;
};

describe('loadConfig', () => {
  hasFolder();

  it('has a default for every setting', async () => {
    const config = await loadConfig();
    expect(config).deep.equal(configSchema.parse({}));
    expect(config).deep.include({
      listen: { host: '127.0.0.1', port: 8080, hosts: [] },
      dataFolder: null,
      sessions: [],
    });
  });

  it('prefers flags over the environment, and the environment over the file', async () => {
    const path = await file('listen: { port: 1, host: file }\ndataFolder: file\nlogLevel: warn\n');
    const environment = { QUORATE_LISTEN_PORT: '2', QUORATE_DATA_FOLDER: 'environment', PATH: '/bin' };
    const config = await loadConfig({
      file: path,
      environment,
      flags: { 'listen.port': '3', logLevel: undefined },
    });
    expect(config.listen).deep.equal({ host: 'file', port: 3, hosts: [] });
    expect(config.dataFolder).equal('environment');
    expect(config.logLevel).equal('warn');
  });

  it('reads every kind of value from the environment', async () => {
    const config = await loadConfig({
      environment: {
        QUORATE_LIMITS_REQUESTS_PER_MINUTE_NODE: 'null',
        QUORATE_AUTH_ENABLED: 'true',
        QUORATE_AUTH_ADMIN_TOKEN: '1234567890123456',
        QUORATE_CORS_ORIGINS: '[https://a.example, https://b.example]',
        QUORATE_SESSIONS: '[{ id: s, pipeline: mean, quorum: 1 }]',
        QUORATE_ENGINE_THREADS: '',
        QUORATE_URL: 'http://whatever',
      },
    });
    expect(config.limits.requestsPerMinute.node).equal(null);
    expect(config.auth).include({ enabled: true, adminToken: '1234567890123456' });
    expect(config.cors.origins).deep.equal(['https://a.example', 'https://b.example']);
    expect(config.sessions[0]).include({ id: 's', quorum: 1 });
    expect(config.engine.threads).equal(null);
  });

  it('refuses unknown settings, naming the setting and its source', async () => {
    const inFile = await expectRefusal(
      async () => loadConfig({ file: await file('limits: { jsonByte: 5 }') }),
      'UNKNOWN_PARAMETER',
    );
    expect(inFile.details).deep.equal({ path: 'limits.jsonByte', source: join(folder, 'quorate.yaml') });
    const inEnvironment = await expectRefusal(
      () => loadConfig({ environment: { QUORATE_LIMITS_JSON_BYTE: '5' } }),
      'UNKNOWN_PARAMETER',
    );
    expect(inEnvironment.details.path).equal('QUORATE_LIMITS_JSON_BYTE');
    const flag = await expectRefusal(() => loadConfig({ flags: { 'listen.prot': 5 } }), 'UNKNOWN_PARAMETER');
    expect(flag.details.path).equal('listen.prot');
  });

  it('refuses invalid values, naming the setting and its source', async () => {
    const path = await file('listen: { port: 1 }\nsessions: [{ id: s, pipeline: mean, quorum: none }]');
    const inFile = await expectRefusal(() => loadConfig({ file: path }), 'INVALID_PARAMETER');
    expect(inFile.details).deep.equal({ path: 'sessions.0.quorum', source: path });
    const environment = { QUORATE_LISTEN_PORT: '80 80' };
    const given = await expectRefusal(() => loadConfig({ environment }), 'INVALID_PARAMETER');
    expect(given.details).deep.equal({ path: 'listen.port', source: 'the variable QUORATE_LISTEN_PORT' });
    await expectRefusal(() => loadConfig({ flags: { 'auth.adminToken': 'short' } }), 'INVALID_PARAMETER');
    await expectRefusal(async () => loadConfig({ file: await file('listen: 8080') }), 'INVALID_PARAMETER');
    await expectRefusal(
      async () => loadConfig({ file: await file('listen: 8080'), flags: { 'listen.port': 1 } }),
      'INVALID_PARAMETER',
    );
  });

  it('refuses files that are not a configuration', async () => {
    await expectRefusal(() => loadConfig({ file: join(folder, 'none.yaml') }), 'NOT_FOUND');
    await expectRefusal(async () => loadConfig({ file: await file('a: [') }), 'MALFORMED');
    await expectRefusal(async () => loadConfig({ file: await file('- a') }), 'MALFORMED');
    expect(await loadConfig({ file: await file('# nothing\n') })).deep.equal(configSchema.parse({}));
  });
});

describe('printConfig', () => {
  hasFolder();

  it('prints what loadConfig reads, without secrets', async () => {
    const config = await loadConfig({
      flags: { 'auth.adminToken': 'a-secret-of-the-admin', 'listen.port': 99 },
    });
    const text = printConfig(config);
    expect(text).not.include('a-secret');
    expect(configSchema.parse(parse(text.replace('....not-shown....', 'a-secret-of-the-admin')))).deep.equal(
      config,
    );
  });

  it('prints placeholders that are refused as secrets', async () => {
    const config = await loadConfig({
      flags: { 'auth.adminToken': 'a-secret-of-the-admin', 'auth.enrollmentToken': 'a-secret-of-enrollment' },
    });
    const printed = await file(printConfig(config));
    const error = await expectRefusal(() => loadConfig({ file: printed }), 'INVALID_PARAMETER');
    expect(error.details).include({ path: 'auth.adminToken', source: printed });
    const environment = {
      QUORATE_AUTH_ADMIN_TOKEN: 'a-secret-of-the-admin',
      QUORATE_AUTH_ENROLLMENT_TOKEN: 'a-secret-of-enrollment',
    };
    expect(await loadConfig({ file: printed, environment })).deep.equal(config);
  });
});

describe('settings', () => {
  it('each have an environment variable and a description', () => {
    expect(new Set(settings.map(({ variable }) => variable)).size).equal(settings.length);
    for (const { path, description } of settings) {
      expect(description, path).not.equal('');
    }
  });
});
