/** A real server in this process, and a proxy before it that a test can make misbehave. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { type Coordinator, createCoordinator } from '../../src/coordinator/index.js';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';
import { configSchema, type ServerConfigInput } from '../../src/server/config/config.js';
import { createServer } from '../../src/server/server.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';

export interface Stage {
  readonly url: string;
  readonly coordinator: Coordinator;
  close(): Promise<void>;
}

export async function openStage(config: Partial<ServerConfigInput> = {}): Promise<Stage> {
  const checked = configSchema.parse({
    listen: { port: 0 },
    liveness: { heartbeatMs: 200, suspectAfter: 10, lostAfter: 20 },
    ...config,
  });
  const tokens = checked.auth.enabled === true;
  const coordinator = await createCoordinator({ store: memoryStore(), liveness: checked.liveness, tokens });
  const server = createServer({ coordinator, config: checked, log: pino({ level: 'silent' }) });
  const { url } = await server.listen();
  return {
    url,
    coordinator,
    close: async () => {
      await server.close();
      await coordinator.close();
    },
  };
}

/** A session that runs: `initial` is its first model, flat. */
export async function startSession(
  coordinator: Coordinator,
  config: Partial<SessionConfigInput> & Pick<SessionConfigInput, 'quorum'>,
  initial: readonly number[] = [0, 0, 0],
): Promise<void> {
  const { id } = await coordinator.createSession({ id: 'job', pipeline: 'mean', rounds: 3, ...config });
  const values = Float32Array.from(initial);
  await coordinator.setModel(id, { tensors: [{ name: 'model', shape: [values.length] }], values });
  await coordinator.start(id);
}

/** Decides what becomes of a request: `pass` sends it on and the answer back. */
export type Meddle = (
  request: IncomingMessage,
  response: ServerResponse,
  pass: (change?: (body: Buffer) => Buffer) => Promise<void>,
) => void | Promise<void>;

export interface Proxy {
  readonly url: string;
  /** The addresses of the WebSockets that were asked for. */
  readonly upgrades: () => readonly string[];
  /** Ends all WebSockets, without a word. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

/** @param letsIn whether a WebSocket passes */
export async function openProxy(
  target: string,
  meddle: Meddle,
  letsIn: () => boolean | Promise<boolean> = () => true,
): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const tunnels = new Set<Socket>();
  const upgrades: string[] = [];
  const server = createHttpServer((incoming, outgoing) => {
    const pass = (change = (body: Buffer) => body): Promise<void> =>
      new Promise((resolve) => {
        const { method, url, headers } = incoming;
        const onward = request({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            if (!outgoing.destroyed) {
              outgoing.writeHead(answer.statusCode!, answer.headers).end(change(Buffer.concat(chunks)));
            }
            resolve();
          });
        });
        onward.on('error', () => {
          outgoing.destroy();
          resolve();
        });
        incoming.pipe(onward);
      });
    void meddle(incoming, outgoing, pass);
  });
  const upgrade = async (incoming: IncomingMessage, socket: Socket, head: Buffer): Promise<void> => {
    upgrades.push(incoming.url!);
    if (!(await letsIn())) {
      socket.on('error', () => undefined); // who is refused may not wait for it
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const tunnel = connect(Number(port), hostname, () => {
      const lines = incoming.rawHeaders
        .map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`))
        .join('');
      tunnel.write(`GET ${incoming.url} HTTP/1.1\r\n${lines}\r\n`);
      tunnel.write(head);
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const end of [tunnel, socket]) {
      tunnels.add(end);
      end.on('error', () => undefined);
    }
  };
  server.on('upgrade', (...asked: Parameters<typeof upgrade>) => void upgrade(...asked));
  const cut = (): void => {
    for (const socket of tunnels) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    upgrades: () => upgrades,
    cut,
    close: () =>
      new Promise((resolve) => {
        cut();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
