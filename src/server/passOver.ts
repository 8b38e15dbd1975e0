/**
 * Upgrades to what is not spoken here, HTTP/2 say, which some clients offer with every request. One may pass over an
 * offer (RFC 9110, section 7.8), but Node 20 takes it for accepted and ends the exchange. So the request is put back on
 * its connection without the offer, and read once more.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';

const offers = new Set(['upgrade', 'http2-settings']);

/** @param head what came behind the request's head */
export function passOver(http: HttpServer, req: IncomingMessage, connection: Duplex, head: Buffer): void {
  connection.unshift(Buffer.concat([Buffer.from(headOf(req), 'latin1'), head]));
  http.emit('connection', connection);
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = rawHeaders.slice(index, index + 2);
    if (/^connection$/i.test(name)) lines.push(`${name}: ${withoutOffers(value)}`);
    else if (!offers.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const withoutOffers = (connection: string): string =>
  connection
    .split(',')
    .filter((option) => !offers.has(option.trim().toLowerCase()))
    .join(',');
