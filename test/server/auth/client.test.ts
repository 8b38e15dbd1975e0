import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { clientFinder } from '../../../src/server/auth/client.js';
import { configSchema, type ServerConfig } from '../../../src/server/config/config.js';
import { clientKey } from '../../../src/server/config/addresses.js';
import { expectRefusal } from '../../support/refusal.js';

type Headers = Readonly<Record<string, string>>;

const find = (trustProxy: ServerConfig['trustProxy'], headers: Headers, remoteAddress = '127.0.0.1') =>
  clientFinder(trustProxy)({
    headers: { host: 'h', ...headers },
    socket: { remoteAddress },
  } as unknown as IncomingMessage);

const addressOf = (...asked: Parameters<typeof find>) => find(...asked).address;
const xff = (list: string): Headers => ({ 'x-forwarded-for': list });

describe('clientFinder', () => {
  it('counts proxies from the right: the left is the client’s own text', () => {
    const chain = xff('6.6.6.6, 1.1.1.1, 2.2.2.2');
    expect(addressOf(0, chain)).equal('127.0.0.1');
    expect(addressOf(1, chain)).equal('2.2.2.2');
    expect(addressOf(2, chain)).equal('1.1.1.1');
    expect(addressOf(9, chain)).equal('6.6.6.6');
    expect(addressOf(1, {})).equal('127.0.0.1');
    expect(addressOf(1, xff(' ,, '))).equal('127.0.0.1');
  });

  it('follows listed addresses from the right, and believes no other peer', () => {
    const proxies = ['127.0.0.1', '10.0.0.0/8', '2001:db8:1::/48'];
    expect(addressOf(proxies, xff('6.6.6.6, 1.1.1.1, 10.9.9.9'))).equal('1.1.1.1');
    expect(addressOf(proxies, xff('1.1.1.1, 2001:db8:1:2::9'))).equal('1.1.1.1');
    expect(addressOf(proxies, xff('1.1.1.1, 2001:db8:2::9'))).equal('2001:db8:2::9');
    expect(addressOf(proxies, xff('10.0.0.1, 10.0.0.2'))).equal('10.0.0.1');
    expect(addressOf(proxies, xff('1.1.1.1'), '11.0.0.1')).equal('11.0.0.1');
    expect(addressOf(proxies, xff('1.1.1.1'), '::ffff:10.0.0.1')).equal('1.1.1.1');
  });

  it('reads Forwarded: quoted strings, IPv6 in brackets, ports, identifiers', () => {
    for (const [header, address] of [
      ['for=192.0.2.43', '192.0.2.43'],
      ['For="[2001:DB8:cafe::17]:4711"', '2001:db8:cafe::17'],
      ['for="192.0.2.60:47011";proto=http;by=203.0.113.43', '192.0.2.60'],
      ['for=6.6.6.6, FOR=1.2.3.4', '1.2.3.4'],
      ['for=6.6.6.6,for=1.2.3.4 ; host="a,b;c"', '1.2.3.4'],
      ['for=_hidden, for=_SEVKISEK', '_SEVKISEK'],
      ['for="_gazonk:_p"', '_gazonk'],
      ['for=6.6.6.6, for=unknown', '127.0.0.1'],
      ['for=6.6.6.6, proto=https', '127.0.0.1'],
      ['for="\\1.2.3.4"', '1.2.3.4'],
      ['', '127.0.0.1'],
    ] as const) {
      expect(addressOf(1, { forwarded: header }), header).equal(address);
    }
  });

  it('refuses what the client could have cut short, and headers that contradict each other', async () => {
    for (const forwarded of [
      'for="1.2.3.4, for=5.6.7.8',
      'for=a b',
      'for',
      '=x',
      'for=1.1.1.1;for=2.2.2.2',
      'for="a"b',
    ])
      await expectRefusal(() => find(1, { forwarded }), 'MALFORMED');
    const forwarded = 'for=6.6.6.6';
    await expectRefusal(() => find(1, { forwarded, ...xff('1.1.1.1') }), 'MALFORMED');
    expect(addressOf(1, { forwarded, ...xff('9.9.9.9, 6.6.6.6') })).equal('6.6.6.6');
    expect(addressOf(0, { forwarded: 'for="' })).equal('127.0.0.1');
  });

  it('takes host and protocol from the same proxy as the address', () => {
    const headers = {
      ...xff('1.1.1.1, 2.2.2.2'),
      'x-forwarded-host': 'evil, good',
      'x-forwarded-proto': 'http, HTTPS',
    };
    expect(find(1, headers)).deep.equal({ address: '2.2.2.2', host: 'good', protocol: 'https' });
    expect(find(2, headers)).deep.equal({ address: '1.1.1.1', host: 'evil', protocol: 'http' });
    expect(find(0, headers)).deep.equal({ address: '127.0.0.1', host: 'h', protocol: undefined });
    const forwarded = 'for=6.6.6.6;host=evil;proto=http, for=1.1.1.1;host="good:1";proto=https';
    expect(find(1, { forwarded })).deep.equal({ address: '1.1.1.1', host: 'good:1', protocol: 'https' });
  });

  it('falls back on the proxy where an address cannot be read', () => {
    expect(addressOf(1, xff('6.6.6.6, nonsense'))).equal('127.0.0.1');
    expect(addressOf(2, xff('nonsense, 10.0.0.1'))).equal('10.0.0.1');
    expect(addressOf(1, xff('1.2.3.4:5678'))).equal('1.2.3.4');
    expect(addressOf(1, xff('[::ffff:1.2.3.4]:5678'))).equal('1.2.3.4');
  });
});

describe('clientKey', () => {
  it('is the address, or the /64 of an IPv6 address', () => {
    for (const [address, key] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['::FFFF:c000:201', '192.0.2.1'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
      ['2001:db8::1', '2001:db8:0:0::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['_hidden', '_hidden'],
      ['', ''],
    ]) {
      expect(clientKey(address!), address).equal(key);
    }
  });
});

describe('trustProxy', () => {
  it('is a number of proxies, or addresses and subnets', () => {
    for (const trustProxy of [0, 1, 100, ['::1'], ['10.0.0.0/8', '2001:db8::/32', '1.2.3.4/32', '0.0.0.0/0']])
      expect(configSchema.safeParse({ trustProxy }).success, String(trustProxy)).true;
    for (const trustProxy of [
      ...[true, false, -1, 1.5, 'loopback', [], [''], ['10.0.0.0/33'], ['10.0.0.0/08'], ['::/129']],
      ...[['10.0.0.0/'], ['10.0.0.0/8/8'], ['a'], ['fe80::1%eth0'], ['10.0.0.0/1e1'], ['10.0.0.0/+8']],
    ]) {
      expect(configSchema.safeParse({ trustProxy }).success, String(trustProxy)).false;
    }
  });
});
