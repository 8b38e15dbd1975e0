/**
 * A TCP proxy that injects faults on command: on all of its connections, future ones included, or on one.
 *
 *   const proxy = await openFaultProxy(server.url);
 *   proxy.impose({ upBytesPerSecond: 100_000 });          // from now on, until something else is imposed
 *   const upload = await proxy.reached(1_000_000);        // a connection that has brought so many bytes
 *   upload.reset();
 *
 * A silent connection is half-open: both its sockets stay open, what comes is kept, and no one is told of an end. Once
 * it speaks again, what was kept goes out, ends too, as TCP would send it once more. One that was forgotten never speaks
 * again, as after a restart of whatever was on the way.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createRandom, type Random } from '../../src/core/random.js';

export interface Faults {
  /** Added to each chunk's way, in both directions. */
  readonly latencyMs: number;
  /** Of a connection, from its client to the server; null: as fast as it goes. */
  readonly upBytesPerSecond: number | null;
  readonly downBytesPerSecond: number | null;
  /** The share of bytes that arrive with one bit flipped, in both directions. */
  readonly corruption: number;
  /** Half-open: nothing is passed on. */
  readonly silent: boolean;
  /** Ends a connection with RST once so many bytes from its client were passed on; null: never. */
  readonly resetAfterBytes: number | null;
}

export interface Connection {
  /** Bytes that went from the client to the server so far. */
  readonly upBytes: number;
  readonly isOpen: boolean;
  /** Changes what is named, leaves the rest. */
  impose(faults: Partial<Faults>): void;
  /** Ends it in both directions as a closing program does, without what is still on the way. */
  cut(): void;
  /** Ends it in both directions with RST. */
  reset(): void;
  /** Silent for ever, whatever is imposed later. */
  forget(): void;
}

export interface FaultProxy {
  readonly url: string;
  readonly port: number;
  /** Those that are open, oldest first. */
  readonly connections: readonly Connection[];
  /** Changes what is named, leaves the rest. */
  impose(faults: Partial<Faults>): void;
  /** Whether new connections are refused. */
  refuse(refused: boolean): void;
  /** Resolves with the first open connection that has brought so many bytes from its client. */
  reached(upBytes: number): Promise<Connection>;
  close(): Promise<void>;
}

const none: Faults = {
  latencyMs: 0,
  upBytesPerSecond: null,
  downBytesPerSecond: null,
  corruption: 0,
  silent: false,
  resetAfterBytes: null,
};

/** What a direction keeps before it stops reading. */
const MAX_KEPT_BYTES = 64 * 1024;
/** A limited connection passes on so much time's worth at once. */
const PIECE_MS = 20;

/** @param target 'http://127.0.0.1:8080'; @param seed of what is corrupted */
export async function openFaultProxy(target: string, seed = 1): Promise<FaultProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const connections = new Set<Tunnel>();
  const listeners = new Set<() => void>();
  let faults = none;
  let refused = false;
  let opened = 0;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (refused) {
      client.resetAndDestroy();
      return;
    }
    const onward = connect({ port: Number(targetPort), host: hostname, allowHalfOpen: true });
    const onProgress = (): void => {
      for (const listener of [...listeners]) listener();
    };
    const tunnel = new Tunnel(client, onward, { faults, seeds: [seed, opened++], onProgress });
    connections.add(tunnel);
    tunnel.onClose = () => connections.delete(tunnel);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get connections() {
      return [...connections];
    },
    impose(changes) {
      faults = { ...faults, ...changes };
      for (const connection of connections) connection.impose(changes);
    },
    refuse(now) {
      refused = now;
    },
    reached: (upBytes) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = [...connections].find((connection) => connection.upBytes >= upBytes);
          if (!found) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.reset();
      }),
  };
}

interface TunnelOptions {
  readonly faults: Faults;
  readonly seeds: readonly number[];
  /** Told whenever bytes were passed on. */
  readonly onProgress: () => void;
}

class Tunnel implements Connection {
  readonly client: Socket;
  readonly server: Socket;
  faults: Faults;
  onClose = (): void => undefined;
  private readonly up: Direction;
  private readonly down: Direction;
  private readonly onProgress: () => void;
  private forgotten = false;

  constructor(client: Socket, server: Socket, { faults, seeds, onProgress }: TunnelOptions) {
    this.client = client;
    this.server = server;
    this.faults = faults;
    this.onProgress = onProgress;
    this.up = new Direction('up', client, server, this, createRandom(...seeds, 0));
    this.down = new Direction('down', server, client, this, createRandom(...seeds, 1));
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => this.closed());
    }
  }

  get upBytes(): number {
    return this.up.passed;
  }

  get isOpen(): boolean {
    return !this.client.destroyed || !this.server.destroyed;
  }

  impose(changes: Partial<Faults>): void {
    this.faults = { ...this.faults, ...changes, ...(this.forgotten && { silent: true }) };
    this.up.pump();
    this.down.pump();
  }

  cut(): void {
    for (const direction of [this.up, this.down]) direction.drop();
    for (const socket of [this.client, this.server]) socket.destroy();
  }

  reset(): void {
    for (const direction of [this.up, this.down]) direction.drop();
    for (const socket of [this.client, this.server]) socket.resetAndDestroy();
  }

  forget(): void {
    this.forgotten = true;
    this.impose({ silent: true });
  }

  /** After bytes were passed on. */
  progressed(): void {
    this.onProgress();
    const { resetAfterBytes } = this.faults;
    if (resetAfterBytes !== null && this.upBytes >= resetAfterBytes) this.reset();
  }

  private closed(): void {
    if (!this.isOpen) this.onClose();
    for (const direction of [this.up, this.down]) direction.pump();
  }
}

/** One way through a tunnel. */
class Direction {
  passed = 0;
  private readonly way: 'up' | 'down';
  private readonly from: Socket;
  private readonly to: Socket;
  private readonly tunnel: Tunnel;
  private readonly random: Random;
  private readonly kept: { bytes: Buffer; readonly dueAtMs: number }[] = [];
  private keptBytes = 0;
  private freeAtMs = 0;
  private ended = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(way: 'up' | 'down', from: Socket, to: Socket, tunnel: Tunnel, random: Random) {
    this.way = way;
    this.from = from;
    this.to = to;
    this.tunnel = tunnel;
    this.random = random;
    from.on('data', (bytes: Buffer) => this.keep(bytes));
    from.on('end', () => {
      this.ended = true;
      this.pump();
    });
    to.on('drain', () => this.pump());
  }

  /** Forgets what was not passed on yet. */
  drop(): void {
    this.kept.length = 0;
    this.keptBytes = 0;
    if (this.timer) clearTimeout(this.timer);
  }

  /** Passes on what may go now. */
  pump(): void {
    if (this.tunnel.faults.silent || this.timer !== null) return;
    while (this.kept.length > 0 && !this.to.destroyed) {
      if (this.to.writableNeedDrain) return;
      const waitMs = Math.max(this.kept[0]!.dueAtMs, this.freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.timer = setTimeout(() => {
          this.timer = null;
          this.pump();
        }, waitMs);
        return;
      }
      this.pass();
    }
    this.end();
  }

  private keep(bytes: Buffer): void {
    this.kept.push({ bytes, dueAtMs: performance.now() + this.tunnel.faults.latencyMs });
    this.keptBytes += bytes.length;
    if (this.keptBytes > MAX_KEPT_BYTES) this.from.pause();
    this.pump();
  }

  private pass(): void {
    const bytesPerSecond = this.tunnel.faults[`${this.way}BytesPerSecond`];
    const [head] = this.kept;
    const most = bytesPerSecond === null ? Infinity : Math.max(1, (bytesPerSecond * PIECE_MS) / 1000);
    const piece = head!.bytes.subarray(0, most);
    head!.bytes = head!.bytes.subarray(piece.length);
    if (head!.bytes.length === 0) this.kept.shift();
    this.keptBytes -= piece.length;
    if (bytesPerSecond !== null) this.freeAtMs = performance.now() + (piece.length / bytesPerSecond) * 1000;
    this.passed += piece.length;
    this.to.write(this.corrupted(piece));
    if (this.keptBytes <= MAX_KEPT_BYTES) this.from.resume();
    this.tunnel.progressed();
  }

  private corrupted(bytes: Buffer): Buffer {
    const { corruption } = this.tunnel.faults;
    if (corruption === 0) return bytes;
    const changed = Buffer.from(bytes);
    for (let k = 0; k < changed.length; k++) {
      if (this.random.uniform() < corruption) changed[k]! ^= 1 << this.random.below(8);
    }
    return changed;
  }

  /** Everything is passed on: the end too, of whichever kind it was. */
  private end(): void {
    if (this.to.destroyed) {
      // Who sends to an end that is gone is told so.
      if (this.kept.length > 0) this.from.resetAndDestroy();
    } else if (this.ended) this.to.end();
    else if (this.from.destroyed) this.to.resetAndDestroy();
  }
}
