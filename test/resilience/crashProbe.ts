/**
 * Loaded before a server (`node --import`): writes down what the server is doing, and ends it there if it is told to.
 * Nothing of the server knows of it; it stands between the server and Node.
 *
 *   stdin    a line of JSON, Order: until it comes, the server waits before it touches its folder; stdout says 'ready'
 *   trace    a file, a line for every beginning ('+') and end ('-') of a step, written before anything else happens
 *
 *   request                             an update's request until its answer is handed to the system
 *   round.write, round.datasync, …      each operation on a round's file
 *   round.seal, row.read                the writing of its seal, and each reading from then on
 *   checkpoint.open, checkpoint.rename, checkpoints.sync, journal.…, lock.…
 *   listening                           a beginning only
 */
import { subscribe } from 'node:diagnostics_channel';
import fs, { openSync, readSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { Server } from 'node:net';
import { basename, dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { Edge, Order } from './crashPlan.js';

type Method = (this: unknown, ...given: unknown[]) => unknown;

/** What happens elsewhere, as the loading of modules, is no step. */
const data = process.argv[process.argv.indexOf('--data') + 1]!;

if (isMainThread) watch();

/** Waits, at the server's first step. */
function receiveOrder(): { readonly file: number; readonly deaths: Order['deaths'] } {
  writeSync(1, 'ready\n');
  const byte = Buffer.alloc(1);
  let line = '';
  while (readSync(0, byte) === 1 && byte[0] !== 10) line += byte.toString('latin1');
  const { trace, deaths } = JSON.parse(line) as Order;
  return { file: openSync(trace, 'a'), deaths };
}

let isListening = false;

function watch(): void {
  let order: ReturnType<typeof receiveOrder> | undefined;
  const begun = new Map<string, number>();

  const tell = (sign: '+' | '-', step: string): void => {
    order ??= receiveOrder();
    writeSync(order.file, `${sign} ${step}\n`);
  };
  /** Ends this process before the next instruction, if this is where it shall end. */
  const dieIfDue = (edge: Edge, step: string, nth: number): void => {
    order ??= receiveOrder();
    for (const death of order.deaths) {
      if (death.edge === edge && death.nth === nth && death.step === step)
        process.kill(process.pid, 'SIGKILL');
    }
  };
  /** 'any' counts all operations on files. */
  const count = (step: string): number => {
    begun.set(step, (begun.get(step) ?? 0) + 1);
    return begun.get(step)!;
  };
  const begin = (step: string): ((edge: Edge) => void) => {
    const [nth, ofAll] = [count(step), step.includes('.') ? count('any') : 0];
    return (edge) => {
      dieIfDue(edge, step, nth);
      dieIfDue(edge, 'any', ofAll);
    };
  };
  const watched = async (step: string, work: () => unknown): Promise<unknown> => {
    const at = begin(step);
    at('before');
    tell('+', step);
    const working = work();
    at('during');
    try {
      return await working;
    } finally {
      tell('-', step);
      at('after');
    }
  };

  watchFiles(watched);
  watchRequests(() => {
    const at = begin('request');
    tell('+', 'request');
    at('before');
    return () => tell('-', 'request');
  });
  const server = Server.prototype as unknown as Record<'listen', Method>;
  const original = server.listen;
  server.listen = function (...given) {
    (this as Server).once('listening', () => {
      isListening = true;
      tell('+', 'listening');
    });
    return Reflect.apply(original, this, given);
  };
}

/** Every operation of node:fs/promises, and of the files that it opens. */
function watchFiles(watched: (step: string, work: () => unknown) => Promise<unknown>): void {
  const files = fs.promises as unknown as Record<string, Method>;
  const paths = new WeakMap<object, string>();
  const originals = { ...files };
  let isHandleWatched = false;
  let isSealed = false;
  const stepOf = (path: string, method: string, given: readonly unknown[]): string => {
    const step = `${kindOf(path)}.${method}`;
    // A restart makes the time of its round durable: that is no update.
    if (step === 'round.datasync' && !isListening) return 'round.keep';
    if (step === 'round.write' && begins(given[0], timeMagic)) return 'round.time';
    if (step === 'round.write' && begins(given[0], sealMagic)) {
      isSealed = true;
      return 'round.seal';
    }
    return isSealed && step === 'round.read' ? 'row.read' : step;
  };

  const watchHandle = (handle: FileHandle): void => {
    if (isHandleWatched) return;
    isHandleWatched = true;
    const methods = Object.getPrototypeOf(handle) as Record<string, Method>;
    for (const name of ['read', 'write', 'sync', 'datasync', 'truncate', 'stat', 'readFile']) {
      const original = methods[name]!;
      methods[name] = function (...given) {
        const path = paths.get(this as object);
        const work = (): unknown => Reflect.apply(original, this, given);
        return path === undefined ? work() : watched(stepOf(path, name, given), work);
      };
    }
  };
  files.open = async function (...given) {
    const path = String(given[0]);
    const work = (): unknown => Reflect.apply(originals.open!, this, given);
    if (!path.startsWith(data)) return work();
    const handle = await watched(`${kindOf(path)}.open`, work);
    paths.set(handle as object, path);
    watchHandle(handle as FileHandle);
    return handle;
  };
  for (const name of ['rename', 'unlink', 'readdir', 'mkdir', 'rm', 'readFile']) {
    files[name] = function (...given) {
      const path = String(given[0]);
      const work = (): unknown => Reflect.apply(originals[name]!, this, given);
      return path.startsWith(data) ? watched(`${kindOf(path)}.${name}`, work) : work();
    };
  }
  syncBuiltinESMExports();
}

/** 'round', 'checkpoint', 'checkpoints' (the folder), 'journal', 'lock', … */
function kindOf(path: string): string {
  const folder = basename(dirname(path));
  if (folder === 'rounds') return 'round';
  if (folder === 'checkpoints') return 'checkpoint';
  return basename(path);
}

const begins = (bytes: unknown, magic: Buffer): boolean =>
  bytes instanceof Uint8Array && Buffer.from(bytes.subarray(0, 4)).equals(magic);

const sealMagic = Buffer.from('QSL2');
const timeMagic = Buffer.from('QTM2');

/** @param onUpdate told of each update that is being sent; what it returns is called when the answer was given */
function watchRequests(onUpdate: () => () => void): void {
  const answered = new WeakMap<object, () => void>();
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    if (request.method === 'PUT' && request.url?.includes('/updates/')) answered.set(request, onUpdate());
  });
  subscribe('http.server.response.finish', (message) => {
    answered.get((message as { request: IncomingMessage }).request)?.();
  });
}
