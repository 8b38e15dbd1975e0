/** The requests of each connection whose responses are not sent yet. */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request and its response. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** The open exchanges of a connection, in the order of the requests. */
export type OpenExchanges = (connection: Duplex) => readonly Exchange[];

/** Follows the exchanges of a server. */
export function trackExchanges(http: HttpServer): OpenExchanges {
  const exchanges = new WeakMap<Duplex, Set<Exchange>>();
  const track = (req: IncomingMessage, res: ServerResponse): void => {
    const open = exchanges.get(req.socket) ?? new Set();
    const exchange = { req, res };
    exchanges.set(req.socket, open.add(exchange));
    res.once('close', () => open.delete(exchange));
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) http.prependListener(event, track);
  return (connection) => [...(exchanges.get(connection) ?? [])];
}

/**
 * Calls `answer` once the responses to all earlier requests on a connection are sent. Node detaches a connection for an
 * upgrade at once, and an answer then would stand before theirs. Not called if the connection is lost meanwhile.
 */
export function inTurn(connection: Duplex, open: OpenExchanges, answer: () => void): void {
  const last = open(connection).at(-1);
  if (!last) {
    answer();
    return;
  }
  last.res.once('close', () => {
    if (!connection.destroyed && connection.writable) answer();
  });
}
