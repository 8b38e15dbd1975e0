/**
 * A system of real processes for one scenario: `quorate serve` on a temporary folder, `quorate node` with the trainer
 * of trainer.ts, and what the server announces. Whoever starts one stops it, whatever happens:
 *
 *   let system: System;
 *   beforeEach(async () => (system = await startSystem({ heartbeatMs: 500 })));
 *   afterEach(() => system.stop());
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Processes, type Running } from '../../examples/network/processes.js';
import { type Client, createClient, type ServerEvent } from '../../src/client/index.js';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';
import { type FaultProxy, openFaultProxy } from '../support/faultProxy.js';
import { freePort } from '../support/freePort.js';
import { EventLog } from './eventLog.js';
import type { TrainerOptions } from './trainer.js';
import { Watch } from './watch.js';

const trainer = fileURLToPath(new URL('./trainer.js', import.meta.url));

export const SESSION = 's';

/** 'node-03': in the order of their numbers, as text too. */
export const nodeName = (node: number): string => `node-${String(node).padStart(2, '0')}`;

export interface SystemOptions {
  /** Default: 500. A node is suspect after 2 and lost after 4 that were missed. */
  readonly heartbeatMs?: number;
  /** Any settings of the server: { 'limits.bodyStallMs': 1000, 'store.keepCheckpoints': 10 }; default: it keeps all. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Environment variables of the server's process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Whether the server asks for tokens. Each node keeps its own in a file. Default: false. */
  readonly tokens?: boolean;
}

const ADMIN_TOKEN = 'the-admin-token-of-this-system';
export const ENROLLMENT_TOKEN = 'the-enrollment-token-of-this-system';

export interface NodeOptions extends Omit<TrainerOptions, 'node'> {
  /** Where it finds the server: a proxy's address. */
  readonly server?: string;
}

/** What a node's process says of itself: events of src/client/node.ts, with `atMs`. */
export type NodeLine = Readonly<Record<string, unknown>> & { readonly type: string; readonly atMs: number };

export interface NodeProcess extends Running {
  readonly id: string;
  readonly lines: readonly NodeLine[];
  /** Resolves with the first line of this type since then. @throws Error if the process ends before */
  says(type: string, sinceMs: number): Promise<NodeLine>;
  /** SIGKILL; resolves when it is gone. @returns when it was sent, in milliseconds since 1970 */
  kill(): Promise<number>;
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const root = await mkdtemp(join(tmpdir(), 'quorate-resilience-'));
  const system = new System(root, await freePort(), options);
  try {
    await system.startServer();
  } catch (error) {
    await system.stop();
    throw error;
  }
  return system;
}

export class System {
  /** The server's data. */
  readonly folder: string;
  private readonly root: string;
  readonly port: number;
  readonly url: string;
  readonly client: Client;
  readonly processes = new Processes();
  /** Of all that was announced since the system's start, over the server's restarts. */
  readonly log: EventLog;
  private readonly options: SystemOptions;
  private readonly proxies: FaultProxy[] = [];
  private running: Running | null = null;

  constructor(root: string, port: number, options: SystemOptions) {
    this.root = root;
    this.folder = join(root, 'data');
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.options = options;
    this.client = createClient({ server: this.url, token: options.tokens ? ADMIN_TOKEN : null });
    this.log = new EventLog(this.client);
  }

  get server(): Running {
    if (!this.running) throw new Error('no server was started');
    return this.running;
  }

  /** On the same port and folder as before. */
  async startServer(): Promise<void> {
    const { heartbeatMs = 500, settings = {}, environment = {}, tokens = false } = this.options;
    const auth = {
      'auth.enabled': true,
      'auth.adminToken': ADMIN_TOKEN,
      'auth.enrollmentToken': ENROLLMENT_TOKEN,
    };
    // All records are kept, to be compared at the end (recompute.ts).
    const kept = { 'store.keepCheckpoints': 1_000_000 };
    const all = { 'liveness.heartbeatMs': heartbeatMs, ...kept, ...(tokens && auth), ...settings };
    const flags = Object.entries(all).flatMap(([path, value]) => [
      '--set',
      `${path}=${JSON.stringify(value)}`,
    ]);
    this.running = await this.processes.serve(
      ['--port', String(this.port), '--data', this.folder, ...flags],
      environment,
    );
  }

  async killServer(): Promise<void> {
    this.server.child.kill('SIGKILL');
    await this.server.ended;
  }

  /** A session on a model of d zeros, which nodes may join. */
  async createSession(config: Omit<SessionConfigInput, 'id'>, d: number): Promise<void> {
    await this.client.createSession({ id: SESSION, ...config });
    await this.client.setModel(SESSION, new Float32Array(d));
  }

  /** One that runs: its first round opens as soon as there is a quorum. */
  async startSession(config: Omit<SessionConfigInput, 'id'>, d: number): Promise<void> {
    await this.createSession(config, d);
    await this.client.start(SESSION);
  }

  /** A node's process; the same number again is the same node. */
  startNode(node: number, { server = this.url, ...trainerOptions }: NodeOptions = {}): NodeProcess {
    const id = nodeName(node);
    const settings = Object.entries({ node, ...trainerOptions }).flatMap(([name, value]) => [
      '--set',
      `${name}=${JSON.stringify(value)}`,
    ]);
    const line = ['node', '--json', '--server', server, '--session', SESSION, '--id', id];
    const started = this.processes.start(
      [...line, '--trainer', trainer, ...settings, ...this.secretsOf(id)],
      'pipe',
    );
    const lines: NodeLine[] = [];
    const watch = new Watch(() =>
      lines
        .slice(-20)
        .map((line) => JSON.stringify(line))
        .join('\n'),
    );
    createInterface({ input: started.child.stdout! }).on('line', (text) => {
      lines.push(JSON.parse(text) as NodeLine);
      watch.look();
    });
    void started.ended.then(() => watch.fail(new Error(`${id} has ended: ${started.errorOutput()}`)));
    const says = (type: string, sinceMs: number): Promise<NodeLine> =>
      watch.until(`${id} says ${type}`, () =>
        lines.find((line) => line.type === type && line.atMs >= sinceMs),
      );
    const kill = async (): Promise<number> => {
      const atMs = Date.now();
      started.child.kill('SIGKILL');
      await started.ended;
      return atMs;
    };
    return { ...started, id, lines, says, kill };
  }

  /** A route to the server that fails on command. */
  async openProxy(seed?: number): Promise<FaultProxy> {
    const proxy = await openFaultProxy(this.url, seed);
    this.proxies.push(proxy);
    return proxy;
  }

  /** Resolves when this node becomes so. */
  becomes(node: string, status: 'joined' | 'healthy' | 'suspect' | 'lost', since = 0): Promise<ServerEvent> {
    return this.log.until(`${node} is ${status}`, (event) => isStatus(event, node, status), since);
  }

  /** Resolves when all of these have come, and given a sign of life since. */
  async present(nodes: readonly NodeProcess[], since = 0): Promise<void> {
    await Promise.all(nodes.map(({ id }) => this.becomes(id, 'healthy', since)));
  }

  /** Where a node's own token is kept, once it has one. */
  tokenFileOf(node: string): string {
    return join(this.root, `${node}.token`);
  }

  /** Resolves when this round is committed. */
  committed(round: number): Promise<ServerEvent> {
    return this.log.until(`round ${round} is committed`, (event) => {
      return event.type === 'round-committed' && event.round === round;
    });
  }

  /** Resolves when the session has come to its end. @returns its status */
  async ended(): Promise<unknown> {
    const { status } = await this.log.until('the session ends', (event) => {
      return (
        event.type === 'session-status' && ['completed', 'stopped', 'failed'].includes(String(event.status))
      );
    });
    return status;
  }

  /** Ends every process, and removes the folder. */
  async stop(): Promise<void> {
    await this.log.close();
    await this.processes.stop();
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await rm(this.root, { recursive: true, force: true });
  }

  /** A node that has a token comes back with that alone. */
  private secretsOf(id: string): readonly string[] {
    if (!this.options.tokens) return [];
    const file = this.tokenFileOf(id);
    return ['--token-file', file, ...(existsSync(file) ? [] : ['--enrollment-token', ENROLLMENT_TOKEN])];
  }
}

export const isStatus = (event: ServerEvent, node: string, status: string): boolean =>
  event.type === 'node-status' && event.node === node && event.status === status;
