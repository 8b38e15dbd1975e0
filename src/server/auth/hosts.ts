/**
 * The host names that the server answers for. A page can point a name of its own at this server's address and then send
 * requests that a browser takes for its own (DNS rebinding), so a name passes only if it is known to be the server's.
 */
import { isIP, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { QuorateError } from '../../errors.js';
import { isLoopback, type ServerConfig } from '../config/config.js';

/** The names that pass besides address literals and localhost: in lower case, without a trailing dot. */
export type HostNames = ReadonlySet<string>;

/** The configured names, the one listened on and, beyond loopback, the machine's. */
export function hostNamesOf({ host, hosts }: ServerConfig['listen']): HostNames {
  return new Set([...hosts, host, ...(isLoopback(host) ? [] : [hostname()])].map(comparable));
}

/** Case and a trailing dot don't distinguish names. */
const comparable = (name: string): string => name.toLowerCase().replace(/\.$/, '');

const hostValue = /^(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?$/;

/**
 * The host in the value of a header such as Host, without its port.
 *
 * @throws QuorateError MALFORMED if it isn't a host, and perhaps a port
 */
export function hostIn(value: string, header = 'Host'): string {
  const host = hostValue.exec(value)?.[1];
  if (host !== undefined && (!host.startsWith('[') || isIPv6(host.slice(1, -1)))) return host;
  throw new QuorateError('MALFORMED', `the header ${header} is not a host with an optional port`, { header });
}

/**
 * Refuses a request for a name that isn't the server's. An address can't be rebound, so every address passes.
 *
 * @param value of Host, or of what a trusted proxy sent in its place; undefined, as HTTP/1.0 allows, passes
 * @throws QuorateError HOST_REFUSED, MALFORMED
 */
export function checkHost(value: string | undefined, names: HostNames): void {
  if (value === undefined) return;
  const host = hostIn(value);
  const name = comparable(host);
  const isLocal = name === 'localhost' || name.endsWith('.localhost');
  if (host.startsWith('[') || isIP(name) !== 0 || isLocal || names.has(name)) return;
  throw new QuorateError(
    'HOST_REFUSED',
    `this server does not answer for the host name ${name}; listen.hosts can add it`,
    { host: name },
  );
}
