import { expect } from 'chai';
import type { Coordinator } from '../../src/coordinator/coordinator.js';
import type { IncomingUpdate } from '../../src/coordinator/ingest/readChunks.js';
import { closeAll, D, start, startSession, updatePath, vector } from './fixture.js';
import { Raw } from './raw.js';

const head = (node: string, extra = '') =>
  `PUT ${updatePath(node)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: ${D * 4}\r\n${extra}\r\n`;

/** Tells when an upload has come as far as the coordinator. */
function watched(): { wrap: (real: Coordinator) => Coordinator; begun: Promise<void> } {
  let tell: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (tell = resolve));
  const wrap = (real: Coordinator) =>
    Object.assign(Object.create(real) as Coordinator, {
      receiveUpdate: (incoming: IncomingUpdate) => {
        tell();
        return real.receiveUpdate(incoming);
      },
    });
  return { wrap, begun };
}

describe('close', () => {
  afterEach(closeAll);

  it('lets a running upload finish, and accepts nothing new', async () => {
    const { wrap, begun } = watched();
    const fixture = await start({ wrap });
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const other = await Raw.open(fixture.port);
    other.send('GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await other.until(/"ready"/);
    const busy = await Raw.open(fixture.port);
    busy.send('GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/');
    await busy.until(/"version"/);
    const reader = await Raw.open(fixture.port);
    reader.send(
      'GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/events HTTP/1.1\r\nHost: localhost\r\n',
    );
    await reader.until(/"version"/);
    const upload = await Raw.open(fixture.port);
    upload.send(head('a')).send(vector(1).subarray(0, 10));
    await begun;

    const closed = fixture.server.close();
    // Idle connections end at once; one in the middle of a request is told.
    await other.closed();
    busy.send('status HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await busy.closed()).match(/HTTP\/1\.1 503 [^]*SHUTTING_DOWN/);
    reader.send('Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    expect(await reader.closed()).match(/HTTP\/1\.1 503 [^]*SHUTTING_DOWN/);
    const late = await Raw.open(fixture.port).catch(() => null);
    expect(late).equal(null);

    upload.send(vector(1).subarray(10));
    expect(await upload.closed())
      .match(/^HTTP\/1\.1 202 /)
      .match(/\r\nConnection: close\r\n/i);
    await closed;
    expect((await fixture.coordinator.round('s', 1)).updates.map(({ node }) => node)).deep.equal(['a']);
  });

  it('closes unused connections at once', async () => {
    // A deadline that no test would live to see.
    const fixture = await start({ config: { shutdownDeadlineMs: 1_000_000 } });
    const unused = await Raw.open(fixture.port);
    const other = await Raw.open(fixture.port);
    other.send('GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await other.until(/"ready"/); // connections are taken in order: the first was before this one
    await fixture.server.close();
    expect(await unused.closed()).equal('');
  });

  it('cuts off what has not finished by the deadline', async () => {
    const { wrap, begun } = watched();
    const fixture = await start({ wrap, config: { shutdownDeadlineMs: 100 } });
    await startSession(fixture, ['a', 'b'], { quorum: 2 });
    const upload = await Raw.open(fixture.port);
    upload.send(head('a')).send(vector(1).subarray(0, 10));
    await begun;
    await fixture.server.close();
    expect(await upload.closed()).equal('');
    expect((await fixture.coordinator.round('s', 1)).updates).deep.equal([]);
  });

  it('may be called again, and before anything was opened', async () => {
    const fixture = await start();
    await Promise.all([fixture.server.close(), fixture.server.close()]);
    await fixture.server.close();
    const refusal = await Raw.open(fixture.port).catch((error: unknown) => error);
    expect(refusal).include({ code: 'ECONNREFUSED' });
  });
});
