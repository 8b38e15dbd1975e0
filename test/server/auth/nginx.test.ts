/** The server behind a real nginx, which passes on another host name by default than with `$host`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort } from '../../support/freePort.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { readAnswers } from '../answers.js';
import { ADMIN, closeAll, type Fixture, start } from '../fixture.js';
import { Raw } from '../raw.js';

const running: ChildProcess[] = [];

/** An nginx in the foreground that listens on 127.0.0.1, with these directives in its location. @returns its port */
async function startNginx({ port }: Fixture, directives: string): Promise<number> {
  const folder = temporaryFolder();
  const own = await freePort();
  const path = (name: string) => `${name}_temp_path ${join(folder, name)};`;
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr info;
     events {}
     http {
       access_log off;
       ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(path).join(' ')}
       server {
         listen 127.0.0.1:${own};
         location / { proxy_pass http://127.0.0.1:${port}; ${directives} }
       }
     }`,
  );
  const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }, // where Debian has it
  });
  running.push(nginx);
  let log = '';
  await new Promise<void>((resolve, reject) => {
    nginx.once('error', reject);
    nginx.once('exit', () => reject(new Error(`nginx ended: ${log}`)));
    nginx.stderr.on('data', (text: Buffer) => {
      log += text.toString();
      // Logged once the sockets are listened on.
      if (/start(ing)? worker|getrlimit/.test(log)) resolve();
    });
  });
  return own;
}

/** A request to nginx under a name. */
async function ask(port: number, host: string, headers = ''): Promise<[number, string | undefined]> {
  const raw = await Raw.open(port);
  const authorization = `Authorization: Bearer ${ADMIN}\r\n`;
  raw.send(`GET /v1/status HTTP/1.1\r\nHost: ${host}\r\n${authorization}${headers}Connection: close\r\n\r\n`);
  const [answer] = readAnswers(await raw.closed());
  const { code } = JSON.parse(answer!.body) as { code?: string };
  return [answer!.status, code];
}

const auth = { enabled: true, adminToken: ADMIN } as const;
const FOR = 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;';

describe('behind nginx', function () {
  this.timeout(30_000);
  afterEach(async () => {
    for (const nginx of running.splice(0)) {
      if (nginx.exitCode !== null || nginx.signalCode !== null || nginx.pid === undefined) continue;
      nginx.kill('SIGKILL');
      await once(nginx, 'exit');
    }
    await closeAll();
  });

  it('its default Host is an address, and passes', async () => {
    const port = await startNginx(await start({ config: { auth, trustProxy: 1 } }), FOR);
    expect(await ask(port, 'quorate.example')).deep.equal([200, undefined]);
  });

  it('without tokens, what it sends is refused once it names the client', async () => {
    const port = await startNginx(await start(), FOR);
    expect(await ask(port, 'quorate.example')).deep.equal([421, 'HOST_REFUSED']);
  });

  it('with $host, the name has to be listed', async () => {
    const host = 'proxy_set_header Host $host;';
    const unlisted = await startNginx(await start({ config: { auth, trustProxy: 1 } }), host + FOR);
    expect(await ask(unlisted, 'quorate.example')).deep.equal([421, 'HOST_REFUSED']);
    expect((await ask(unlisted, 'localhost'))[0]).equal(200);
    const config = { auth, trustProxy: 1, listen: { hosts: ['quorate.example'] } };
    const listed = await startNginx(await start({ config }), host + FOR);
    expect((await ask(listed, 'Quorate.Example:8443'))[0]).equal(200);
    expect(await ask(listed, 'evil.example')).deep.equal([421, 'HOST_REFUSED']);
  });

  it('a client cannot choose the address that it is counted by', async () => {
    const limits = { requestsPerMinute: { address: 2 } };
    const port = await startNginx(await start({ config: { auth, trustProxy: 1, limits } }), FOR);
    const statuses: number[] = [];
    for (const address of ['6.6.6.1', '6.6.6.2', '6.6.6.3'])
      statuses.push((await ask(port, 'x', `X-Forwarded-For: ${address}\r\n`))[0]);
    expect(statuses).deep.equal([200, 200, 429]);
    // nginx passes this header on as it came.
    expect(await ask(port, 'x', 'Forwarded: for=6.6.6.4\r\n')).deep.equal([400, 'MALFORMED']);
  });
});
