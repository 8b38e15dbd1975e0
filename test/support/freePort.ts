import { createServer } from 'node:net';

/**
 * Below the ports that systems give out for port 0 (Linux from 32768 on, others from 49152), so that nothing
 * else gets this one while its server is down.
 */
const FIRST = 20_000;
const PORTS = 10_000;
/** Processes that run tests side by side begin apart. */
let next = process.pid * 97;

/** A port that was free a moment ago: for an address without a listener, or for a server that must come back on its port. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries++) {
    const port = FIRST + (next++ % PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${FIRST} on is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}
