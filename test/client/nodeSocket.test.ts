import { expect } from 'chai';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { pingingSocket } from '../../src/client/nodeSocket.js';
import { type FaultProxy, openFaultProxy } from '../support/faultProxy.js';

const PING_MS = 50;

describe('pingingSocket', () => {
  let server: WebSocketServer;
  let proxy: FaultProxy;
  let controller: AbortController;

  beforeEach(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    proxy = await openFaultProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    controller = new AbortController();
  });
  afterEach(async () => {
    controller.abort();
    await proxy.close();
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = async (): Promise<{ socket: WebSocket; closed: Promise<void>; isClosed: () => boolean }> => {
    const connected = once(server, 'connection');
    const url = proxy.url.replace('http', 'ws');
    let over = false;
    const closed = pingingSocket(PING_MS)({
      url,
      token: null,
      onMessage: () => undefined,
      signal: controller.signal,
    }).then(() => void (over = true));
    const [socket] = (await connected) as [WebSocket];
    return { socket, closed, isClosed: () => over };
  };

  it('stays open as long as its pings are answered', async () => {
    const { socket, isClosed } = await open();
    for (let pings = 0; pings < 10; pings++) await once(socket, 'ping');
    expect(isClosed()).equal(false);
  });

  it('ends once a ping is not answered, though the connection is open', async () => {
    const { socket, closed } = await open();
    await once(socket, 'ping');
    proxy.impose({ silent: true });
    await closed;
    expect(socket.readyState).equal(socket.OPEN);
  });
});
