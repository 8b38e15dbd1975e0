import { expect } from 'chai';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type FaultProxy, openFaultProxy } from './faultProxy.js';

/** What a socket has received, and how it ended. */
interface Ear {
  readonly socket: Socket;
  readonly heard: () => Buffer;
  /** Resolves when so many bytes came. */
  hears(bytes: number): Promise<Buffer>;
  /** Resolves with the error's code, 'end' for a proper one. */
  readonly over: Promise<string>;
}

function listen(socket: Socket): Ear {
  const chunks: Buffer[] = [];
  const heard = (): Buffer => Buffer.concat(chunks);
  let over: (how: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (over = resolve));
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => over(error.code ?? 'error'));
  socket.on('end', () => over('end'));
  return {
    socket,
    heard,
    async hears(bytes) {
      while (heard().length < bytes) await once(socket, 'data');
      return heard();
    },
    over: ended,
  };
}

describe('openFaultProxy', () => {
  let target: Server;
  let proxy: FaultProxy;
  /** The server's ends, in the order in which they came. */
  let accepted: Ear[];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    accepted = [];
    target = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      accepted.push(listen(socket));
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    proxy = await openFaultProxy(`http://127.0.0.1:${(target.address() as AddressInfo).port}`, 7);
  });
  afterEach(async () => {
    await proxy.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => target.close(resolve));
  });

  /** Both ends of a connection through the proxy. */
  const open = async (): Promise<{ client: Ear; server: Ear }> => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    const client = listen(socket);
    const number = accepted.length;
    await once(socket, 'connect');
    while (accepted.length === number) await once(target, 'connection');
    return { client, server: accepted[number]! };
  };

  const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, k) => k % 251));

  it('passes everything on in both directions, and the ends too', async () => {
    const { client, server } = await open();
    const bytes = pattern(1_000_000);
    client.socket.end(bytes);
    expect((await server.hears(bytes.length)).equals(bytes)).equal(true);
    expect(await server.over).equal('end');
    server.socket.end('goodbye');
    expect((await client.hears(7)).toString()).equal('goodbye');
    expect(await client.over).equal('end');
  });

  it('delays what passes by its latency', async () => {
    proxy.impose({ latencyMs: 100 });
    const { client, server } = await open();
    const startedMs = performance.now();
    client.socket.write('ping');
    await server.hears(4);
    server.socket.write('pong');
    await client.hears(4);
    expect(performance.now() - startedMs).least(200);
  });

  it('passes no more than its bandwidth', async () => {
    proxy.impose({ upBytesPerSecond: 100_000 });
    const { client, server } = await open();
    const startedMs = performance.now();
    client.socket.write(pattern(30_000));
    await server.hears(30_000);
    expect(performance.now() - startedMs).least(250); // the last piece is not waited for
    expect(server.heard().equals(pattern(30_000))).equal(true);
    proxy.impose({ upBytesPerSecond: null, downBytesPerSecond: 100_000 });
    const answeredMs = performance.now();
    server.socket.write(pattern(30_000));
    await client.hears(30_000);
    expect(performance.now() - answeredMs).least(250);
  });

  it('reads no more than it can pass on', async () => {
    proxy.impose({ upBytesPerSecond: 1000 });
    const { client } = await open();
    const bytes = Buffer.alloc(32 * 1024 * 1024);
    client.socket.write(bytes);
    await proxy.reached(100);
    expect(client.socket.writableLength).greaterThan(bytes.length / 2);
  });

  it('is silent in both directions while both sockets stay open, then goes on', async () => {
    const { client, server } = await open();
    client.socket.write('before');
    await server.hears(6);
    proxy.impose({ silent: true });
    client.socket.write(' during');
    server.socket.write('answer');
    // Another connection's bytes, sent later, show that these had their time.
    const other = await openBeside();
    expect(server.heard().toString()).equal('before');
    expect(client.heard().toString()).equal('');
    expect(other).equal('passed');
    proxy.impose({ silent: false });
    expect((await server.hears(13)).toString()).equal('before during');
    expect((await client.hears(6)).toString()).equal('answer');
  });

  /** A connection that is not silent although the proxy is. @returns what came through */
  const openBeside = async (): Promise<string> => {
    const { client, server } = await open();
    proxy.connections.at(-1)!.impose({ silent: false });
    client.socket.write('passed');
    return (await server.hears(6)).toString();
  };

  it('forwards no end while it is silent', async () => {
    const { client, server } = await open();
    proxy.impose({ silent: true });
    server.socket.end();
    let told = false;
    void client.over.then(() => (told = true));
    await openBeside();
    expect(told).equal(false);
    proxy.impose({ silent: false });
    expect(await client.over).equal('end');
  });

  it('leaves a forgotten connection silent for ever', async () => {
    const { client, server } = await open();
    proxy.connections[0]!.forget();
    proxy.impose({ silent: false });
    client.socket.write('lost');
    expect(await openBeside()).equal('passed');
    expect(server.heard().length).equal(0);
    expect(client.socket.destroyed).equal(false);
  });

  it('resets both ends midway', async () => {
    proxy.impose({ upBytesPerSecond: 100_000 });
    const { client, server } = await open();
    client.socket.write(pattern(1_000_000));
    const upload = await proxy.reached(10_000);
    proxy.impose({ silent: true });
    await server.hears(upload.upBytes); // a system may tell of a reset as of an end while there is something to read
    upload.reset();
    expect(await client.over).oneOf(['ECONNRESET', 'EPIPE']);
    expect(await server.over).equal('ECONNRESET');
    expect(server.heard().length).lessThan(1_000_000);
    expect(upload.isOpen).equal(false);
  });

  it('resets a connection after the given number of bytes', async () => {
    proxy.impose({ resetAfterBytes: 5000, upBytesPerSecond: 100_000 });
    const { client, server } = await open();
    client.socket.write(pattern(50_000));
    expect(await client.over).oneOf(['ECONNRESET', 'EPIPE']);
    expect(await server.over).oneOf(['ECONNRESET', 'end']);
    expect(server.heard().length).within(5000, 10_000);
  });

  it('cuts a connection without a reset', async () => {
    const { client, server } = await open();
    client.socket.write('x');
    await server.hears(1);
    proxy.connections[0]!.cut();
    expect(await server.over).equal('end');
    expect(await client.over).equal('end');
  });

  it('reports a connection that ends improperly', async () => {
    const { client, server } = await open();
    client.socket.write('x');
    await server.hears(1);
    server.socket.resetAndDestroy();
    expect(await client.over).equal('ECONNRESET');
  });

  it('resets a sender whose peer is gone', async () => {
    const { client, server } = await open();
    server.socket.destroy();
    expect(await client.over).equal('end');
    const failed = new Promise((resolve) => client.socket.on('close', resolve));
    const sending = setInterval(() => client.socket.write('x'), 5);
    await failed;
    clearInterval(sending);
    expect(client.socket.errored).instanceOf(Error);
  });

  it('corrupts the given share of bytes, the same ones each time', async () => {
    const sent = pattern(10_000);
    const corrupted = async (): Promise<Buffer> => {
      const fresh = await openFaultProxy(proxy.url, 3);
      fresh.impose({ corruption: 0.01 });
      const client = connect({ port: fresh.port, host: '127.0.0.1' });
      sockets.push(client);
      void listen(client);
      const number = accepted.length;
      client.write(sent);
      while (accepted.length === number) await once(target, 'connection');
      const bytes = await accepted[number]!.hears(sent.length);
      await fresh.close();
      return bytes;
    };
    const first = await corrupted();
    const changed = first.filter((byte, k) => byte !== sent[k]).length;
    expect(changed).within(50, 200);
    expect((await corrupted()).equals(first)).equal(true);
  });

  it('refuses new connections, and leaves those that are there', async () => {
    const { client, server } = await open();
    proxy.refuse(true);
    const refused = listen(connect({ port: proxy.port, host: '127.0.0.1' }));
    expect(await refused.over).equal('ECONNRESET');
    client.socket.write('still here');
    expect((await server.hears(10)).toString()).equal('still here');
  });

  it('treats one connection differently from the others', async () => {
    const slow = await open();
    proxy.connections[0]!.impose({ silent: true });
    const quick = await open();
    slow.client.socket.write('one');
    quick.client.socket.write('two');
    expect((await quick.server.hears(3)).toString()).equal('two');
    expect(slow.server.heard().length).equal(0);
  });
});
