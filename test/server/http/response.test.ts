import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Coordinator } from '../../../src/coordinator/coordinator.js';
import { closeAll, start, startSession } from '../fixture.js';

const MODEL = '/v1/sessions/s/model';
/** More than the system takes off the server's hands. */
const D = 2 ** 23;
const limits = { bodyStallMs: 100 };

describe('cutStalledReader', () => {
  afterEach(closeAll);

  for (const path of [MODEL, '/v1/sessions/s/checkpoints/0']) {
    it(`ends a download of ${path} that the client stops reading`, async () => {
      const fixture = await start({ config: { limits } });
      await startSession(fixture, ['a'], {}, D);
      const socket = connect(fixture.port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const line = await fixture.logged((one) => one.method === 'GET' && one.path === path); // it is over
      expect(line).include({ msg: 'response cut off: the client stopped reading', status: 200 });
      let received = 0;
      socket.on('data', (bytes: Buffer) => (received += bytes.length));
      await once(socket, 'close');
      expect(received).below(D * 4);
      // A little of it: this process may be too busy to read all of it in time.
      const part = await fixture.call('GET', path, { headers: { range: 'bytes=0-3' } });
      expect(part.bytes.length).equal(4);
    });
  }

  it('does not limit how long a handler takes', async () => {
    const wrap = (real: Coordinator) =>
      Object.assign(Object.create(real) as Coordinator, {
        model: async (session: string) => {
          await pause(5 * limits.bodyStallMs);
          return real.model(session);
        },
      });
    const fixture = await start({ config: { limits }, wrap });
    await startSession(fixture, ['a']);
    for (let i = 0; i < 2; i++) expect((await fixture.call('GET', MODEL)).status).equal(200);
  });
});
