/** Addresses of clients and proxies: one spelling for each, and lists with subnets. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** One spelling per address: IPv4-mapped addresses as IPv4, IPv6 compressed and without a zone; null: not an address. */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return null;
  const address = new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (!mapped) return address;
  const [high, low] = mapped.slice(1).map((group) => parseInt(group, 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** What counts as one client in limits: an IPv4 address, or the /64 of an IPv6 address, all of which one client may hold. */
export function clientKey(address: string): string {
  const canonical = canonicalAddress(address);
  if (canonical === null || isIPv4(canonical)) return canonical ?? address;
  const [before, after] = canonical.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const missing = after ? 8 - before!.length - after.length : 0;
  const groups = [...before!, ...Array<string>(missing).fill('0'), ...(after ?? [])];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** Splits 'address' or 'address/prefix'; null if it is neither. */
export function subnetOf(text: string): { address: string; prefix: number } | null {
  const [address, prefix, ...rest] = text.split('/');
  const family = isIP(address!);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || address!.includes('%') || rest.length > 0) return null;
  if (prefix === undefined) return { address: address!, prefix: bits };
  return /^(0|[1-9][0-9]{0,2})$/.test(prefix) && Number(prefix) <= bits
    ? { address: address!, prefix: Number(prefix) }
    : null;
}

/** @param subnets as `subnetOf` reads them. @returns whether an address is in one of them */
export function addressList(subnets: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of subnets) {
    const { address, prefix } = subnetOf(text)!;
    list.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return (text) => {
    const address = canonicalAddress(text);
    return address !== null && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  };
}
