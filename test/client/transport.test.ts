import { expect } from 'chai';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { createTransport, type Transport } from '../../src/client/transport.js';
import { expectRefusal } from '../support/refusal.js';

const get = { method: 'GET', path: '/v1/status' } as const;

describe('createTransport', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    }
  });

  async function to(listener: RequestListener, token: string | null = null, path = ''): Promise<Transport> {
    const started = createServer(listener);
    servers.push(started);
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    return createTransport(`http://127.0.0.1:${(started.address() as AddressInfo).port}${path}`, token);
  }

  it('sends the token, JSON, and goes below the path of the address', async () => {
    const seen: unknown[] = [];
    const transport = await to(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const { authorization, 'content-type': type } = request.headers;
          seen.push(request.method, request.url, authorization, type, Buffer.concat(chunks).toString());
          response.end('{"good":true}');
        });
      },
      'secret',
      '/quorate/',
    );
    const answer = await transport.json(z.object({ good: z.boolean() }), {
      method: 'POST',
      path: '/v1/nodes?x=1',
      json: { id: 'ä' },
    });
    expect(answer).deep.equal({ good: true });
    expect(seen).deep.equal([
      'POST',
      '/quorate/v1/nodes?x=1',
      'Bearer secret',
      'application/json',
      '{"id":"ä"}',
    ]);
    expect(transport.socketUrl('/v1/events?since=3')).match(
      /^ws:\/\/127.0.0.1:\d+\/quorate\/v1\/events\?since=3$/,
    );
  });

  it('throws the error of a problem document', async () => {
    const problem = {
      type: 'about:blank',
      title: 'Too many',
      status: 429,
      detail: 'wait a little',
      code: 'RATE_LIMITED',
      details: { limit: 5 },
      requestId: 'r-1',
    };
    const transport = await to((_, response) => {
      response.writeHead(429, { 'content-type': 'application/problem+json', 'retry-after': '3' });
      response.end(JSON.stringify(problem));
    });
    const error = await expectRefusal(() => transport.exchange(get), 'RATE_LIMITED');
    expect(error.message).equal('wait a little');
    expect(error.details).deep.equal({ limit: 5, status: 429, retryAfterMs: 3000, requestId: 'r-1' });
  });

  it('reads a date in Retry-After, and takes one in the past for now', async () => {
    const transport = await to((_, response) => {
      response.writeHead(503, { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }).end('busy');
    });
    const error = await expectRefusal(() => transport.exchange(get), 'CONNECTION_FAILED');
    expect(error.details).deep.equal({ status: 503, retryAfterMs: 0 });
  });

  it('takes a gateway’s failure for a lost connection, and other answers without a code for wrong ones', async () => {
    for (const [status, body, code] of [
      [502, '<html>', 'CONNECTION_FAILED'],
      [404, '<html>', 'BAD_RESPONSE'],
      [400, '{"code":"NEVER_HEARD_OF"}', 'BAD_RESPONSE'],
      [400, '{"code":"toString"}', 'BAD_RESPONSE'],
    ] as const) {
      const transport = await to((_, response) => void response.writeHead(status).end(body));
      await expectRefusal(() => transport.exchange(get), code);
    }
  });

  it('refuses a response that does not match the schema', async () => {
    const transport = await to((_, response) => void response.end('{"good":"yes"}'));
    const error = await expectRefusal(
      () => transport.json(z.object({ good: z.boolean() }), get),
      'BAD_RESPONSE',
    );
    expect(error.message).include('good');
  });

  it('follows no redirection with its token', async () => {
    let asked = 0;
    const transport = await to((_, response) => {
      asked++;
      response.writeHead(307, { location: '/elsewhere' }).end();
    }, 'secret');
    await expectRefusal(() => transport.exchange(get), 'CONNECTION_FAILED');
    expect(asked).equal(1);
  });

  it('rejects after timeoutMs, and when the signal aborts', async () => {
    const transport = await to((_, response) => void response.writeHead(200).write('{'));
    const late = await expectRefusal(
      () => transport.exchange({ ...get, timeoutMs: 30 }),
      'CONNECTION_FAILED',
    );
    expect(late.message).include('30 ms');
    const controller = new AbortController();
    const given = transport.exchange({ ...get, signal: controller.signal });
    controller.abort();
    await expectRefusal(() => given, 'ABORTED');
  });

  it('takes no address but http and https', async () => {
    for (const address of ['', 'localhost:8080', 'ftp://x', 'file:///etc']) {
      await expectRefusal(() => createTransport(address, null), 'INVALID_PARAMETER');
    }
  });
});
