/** Who sent a request, and for which host: as the connection says, or the trusted proxies before it. */
import type { IncomingMessage } from 'node:http';
import { QuorateError } from '../../errors.js';
import type { ServerConfig } from '../config/config.js';
import { addressList, canonicalAddress } from '../config/addresses.js';
import { type Forwarded, parseForwarded, parseXForwarded } from './forwarded.js';
import { checkHost, type HostNames } from './hosts.js';

/** The sender of a request. */
export interface Client {
  /** In its canonical spelling; or the obfuscated identifier (`_name`) that a trusted proxy gave it. */
  readonly address: string;
  /** Host, or what a trusted proxy sent in its place. */
  readonly host: string | undefined;
  /** 'https' or 'http', if a trusted proxy said so. */
  readonly protocol: string | undefined;
}

/** Finds the sender of a request. @throws QuorateError MALFORMED if the headers of a trusted proxy are unusable */
export type FindClient = (req: IncomingMessage) => Client;

/** Proxies are counted from the right: what stands to the left of the trusted ones was written by the client. */
export function clientFinder(trustProxy: ServerConfig['trustProxy']): FindClient {
  const isListed = typeof trustProxy === 'number' ? null : addressList(trustProxy);
  return ({ headers, socket }) => {
    const { remoteAddress = '' } = socket;
    const peer = canonicalAddress(remoteAddress) ?? remoteAddress;
    const direct: Client = { address: peer, host: headers.host, protocol: undefined };
    if (isListed ? !isListed(peer) : trustProxy === 0) return direct;

    const seenBy = ({ addresses, hosts, protocols }: Forwarded): Record<keyof Client, string | undefined> => {
      const chain = [...addresses, peer];
      let at = chain.length - 1;
      if (!isListed) at = Math.max(0, at - Number(trustProxy));
      else while (at > 0 && isListed(chain[at] ?? '')) at--;
      const hops = Math.max(1, chain.length - 1 - at);
      const nearest = (values: readonly string[]) => values[Math.max(0, values.length - hops)];
      // Where a proxy didn't know who sent the request, it is all that is known.
      const address = addresses.length === 0 ? undefined : chain.slice(at).find((one) => one !== null)!;
      return { address, host: nearest(hosts), protocol: nearest(protocols) };
    };
    const standard = seenBy(parseForwarded(headers.forwarded ?? ''));
    const usual = seenBy(parseXForwarded(headers));
    // A proxy writes one kind and passes the other on as the client sent it, so neither can be preferred.
    const either = (name: keyof Client): string | undefined => {
      if (standard[name] !== undefined && usual[name] !== undefined && standard[name] !== usual[name]) {
        throw new QuorateError('MALFORMED', `Forwarded and X-Forwarded-* contradict each other (${name})`, {
          header: 'Forwarded',
        });
      }
      return standard[name] ?? usual[name];
    };
    return {
      address: either('address') ?? direct.address,
      host: either('host') ?? direct.host,
      protocol: either('protocol'),
    };
  };
}

/** What `admitHost` decides by. */
export interface HostPolicy {
  readonly names: HostNames;
  /** Whether requests need a token. Without tokens, nothing tells a proxy's requests from this machine's own. */
  readonly isAuthOn: boolean;
}

/**
 * Refuses requests for foreign host names and, where no tokens are required, requests that came through a proxy.
 *
 * @throws QuorateError HOST_REFUSED, MALFORMED
 */
export function admitHost({ headers }: IncomingMessage, host: string | undefined, policy: HostPolicy): void {
  const proxied = Object.keys(headers).find(
    (name) => name === 'forwarded' || name.startsWith('x-forwarded-'),
  );
  if (!policy.isAuthOn && proxied !== undefined) {
    throw new QuorateError(
      'HOST_REFUSED',
      `the request came through a proxy (${proxied}); a server behind a proxy needs tokens (auth.enabled)`,
      { header: proxied },
    );
  }
  checkHost(host, policy.names);
}
