/**
 * A system of real processes for one scenario: `quorate serve` on a temporary folder, `quorate node` with the trainer
 * of trainer.ts, and what the server announces. Whoever starts one stops it, whatever happens:
 *
 *   let system: System;
 *   beforeEach(async () => (system = await startSystem({ heartbeatMs: 500 })));
 *   afterEach(() => system.stop());
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Processes, type Running } from '../../examples/network/processes.js';
import { type Client, createClient } from '../../src/client/index.js';
import type { SessionConfigInput } from '../../src/protocol/session.js';
import { freePort } from '../support/freePort.js';
import { EventLog } from './eventLog.js';
import type { TrainerOptions } from './trainer.js';

const trainer = fileURLToPath(new URL('./trainer.js', import.meta.url));

export const SESSION = 's';

/** 'node-03': in the order of their numbers, as text too. */
export const nodeName = (node: number): string => `node-${String(node).padStart(2, '0')}`;

export interface SystemOptions {
  /** Default: 500. A node is suspect after 2 and lost after 4 that were missed. */
  readonly heartbeatMs?: number;
  /** The client's, where the server asks for tokens. */
  readonly token?: string;
  /** Any settings of the server: { 'limits.bodyStallMs': 1000 }. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface NodeOptions extends Omit<TrainerOptions, 'node'> {
  /** Where it finds the server: a proxy's address. */
  readonly server?: string;
}

/** What a node's process says of itself: events of src/client/node.ts, with `atMs`. */
export type NodeLine = Readonly<Record<string, unknown>> & { readonly type: string; readonly atMs: number };

export interface NodeProcess extends Running {
  readonly id: string;
  readonly lines: readonly NodeLine[];
  /** SIGKILL; resolves when it is gone. @returns when it was sent, in milliseconds since 1970 */
  kill(): Promise<number>;
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-resilience-'));
  const system = new System(folder, await freePort(), options);
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
  readonly port: number;
  readonly url: string;
  readonly client: Client;
  readonly processes = new Processes();
  /** Of all that was announced since the system's start, over the server's restarts. */
  readonly log: EventLog;
  private readonly options: SystemOptions;
  private running: Running | null = null;

  constructor(folder: string, port: number, options: SystemOptions) {
    this.folder = folder;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.options = options;
    this.client = createClient({ server: this.url, token: options.token ?? null });
    this.log = new EventLog(this.client);
  }

  get server(): Running {
    if (!this.running) throw new Error('no server was started');
    return this.running;
  }

  /** On the same port and folder as before. */
  async startServer(): Promise<void> {
    const { heartbeatMs = 500, settings = {} } = this.options;
    const all = { 'liveness.heartbeatMs': heartbeatMs, ...settings };
    const flags = Object.entries(all).flatMap(([path, value]) => [
      '--set',
      `${path}=${JSON.stringify(value)}`,
    ]);
    this.running = await this.processes.serve(['--port', String(this.port), '--data', this.folder, ...flags]);
  }

  async killServer(): Promise<void> {
    this.server.child.kill('SIGKILL');
    await this.server.ended;
  }

  /** A session of this name that runs, on a model of d zeros. */
  async startSession(config: Omit<SessionConfigInput, 'id'>, d: number): Promise<void> {
    await this.client.createSession({ id: SESSION, ...config });
    await this.client.setModel(SESSION, new Float32Array(d));
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
    const started = this.processes.start([...line, '--trainer', trainer, ...settings], 'pipe');
    const lines: NodeLine[] = [];
    createInterface({ input: started.child.stdout! }).on('line', (text) => {
      lines.push(JSON.parse(text) as NodeLine);
    });
    const kill = async (): Promise<number> => {
      const atMs = Date.now();
      started.child.kill('SIGKILL');
      await started.ended;
      return atMs;
    };
    return { ...started, id, lines, kill };
  }

  /** Resolves when this round is committed. */
  async committed(round: number): Promise<void> {
    await this.log.until(`round ${round} is committed`, (event) => {
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
    await rm(this.folder, { recursive: true, force: true });
  }
}
