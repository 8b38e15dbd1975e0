/** Parsers of the headers that proxies add: Forwarded (RFC 7239) and X-Forwarded-*. */
import { QuorateError } from '../../errors.js';
import { canonicalAddress } from '../config/addresses.js';

/** What the proxies said, in the order of the header: the last entry is from the nearest proxy. */
export interface Forwarded {
  /** Canonical addresses and obfuscated identifiers (`_name`); null where a proxy knows neither. */
  readonly addresses: readonly (string | null)[];
  readonly hosts: readonly string[];
  readonly protocols: readonly string[];
}

const pair =
  /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+)))?[ \t]*([;,]|$)/y;

/** Reads a Forwarded header. @throws QuorateError MALFORMED */
export function parseForwarded(header: string): Forwarded {
  const elements: Map<string, string>[] = [];
  let element = new Map<string, string>();
  for (let at = 0, isOver = false; !isOver;) {
    pair.lastIndex = at;
    const match = pair.exec(header);
    const [whole, name, quoted, token, end] = match ?? [];
    const key = name?.toLowerCase();
    if (whole === undefined || (key !== undefined && element.has(key))) {
      throw new QuorateError('MALFORMED', 'the header Forwarded is malformed', { header: 'Forwarded' });
    }
    if (key !== undefined) element.set(key, quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
    at += whole.length;
    isOver = end === '';
    if (end === ';') continue;
    if (element.size > 0) elements.push(element);
    element = new Map();
  }
  const all = (name: string) => elements.flatMap((one) => one.get(name) ?? []);
  return {
    // An element without `for` still stands for a proxy.
    addresses: elements.map((one) => addressIn(one.get('for') ?? 'unknown')),
    hosts: all('host'),
    protocols: all('proto').map((protocol) => protocol.toLowerCase()),
  };
}

/** Reads the X-Forwarded-* headers. */
export function parseXForwarded(headers: NodeJS.Dict<string | string[]>): Forwarded {
  const list = (name: string) =>
    String(headers[name] ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '');
  return {
    addresses: list('x-forwarded-for').map(addressIn),
    hosts: list('x-forwarded-host'),
    protocols: list('x-forwarded-proto').map((protocol) => protocol.toLowerCase()),
  };
}

/** The node of a proxy's entry, without its port. */
function addressIn(node: string): string | null {
  if (/^_[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?$/.test(node)) return node.replace(/:.*$/, '');
  const bracketed = /^\[([^\]]*)\](?::[A-Za-z0-9._-]+)?$/.exec(node);
  if (bracketed) return bracketed[1]!.includes(':') ? canonicalAddress(bracketed[1]!) : null;
  return canonicalAddress(node) ?? canonicalAddress(node.replace(/:[A-Za-z0-9._-]+$/, ''));
}
