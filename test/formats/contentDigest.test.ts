import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { QuorateError } from '../../src/errors.js';
import {
  checkDigest,
  contentDigest,
  parseContentDigest,
  sameDigest,
} from '../../src/formats/contentDigest.js';
import '../../src/index.js';
import { expectRefusal } from '../support/refusal.js';

/** RFC 9530, appendix D: the body {"hello": "world"} and a line's end. */
const body = Buffer.from('{"hello": "world"}\n');
const sha256 = 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:';
const sha512 =
  'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:';

const hash = (algorithm: string, bytes: Uint8Array) =>
  new Uint8Array(createHash(algorithm).update(bytes).digest());

describe('parseContentDigest', () => {
  it('reads SHA-256 and SHA-512, and leaves out what it does not know', () => {
    const both = { 'sha-256': hash('sha256', body), 'sha-512': hash('sha512', body) };
    expect(parseContentDigest(sha256)).deep.equal({ 'sha-256': both['sha-256'] });
    expect(parseContentDigest(`${sha512},\t${sha256} `)).deep.equal(both);
    expect(parseContentDigest(`md5=:AAAA:, ${sha256}, *x.y-z_=::`)).deep.equal({
      'sha-256': both['sha-256'],
    });
    expect(parseContentDigest('md5=:AAAA:')).deep.equal({});
    expect(parseContentDigest(`${sha256};a;b=1; c=x`)).deep.equal({ 'sha-256': both['sha-256'] });
  });

  it('refuses what is not a dictionary of byte sequences', async () => {
    for (const header of [
      '',
      ',',
      'sha-256',
      'sha-256=',
      'sha-256=::',
      'sha-256=:AAAA:',
      'sha-256=AAAA',
      'sha-256="AAAA"',
      `${sha256},`,
      `${sha256} ${sha512}`,
      sha256.replace('sha', 'SHA'),
      sha256.slice(0, -1),
      sha256.replace('RK', 'R K'),
      sha256.replace('RK', 'R_'),
      sha256.replace('RK', ''),
      sha256.replace('sha-256', 'sha-512'),
      sha256.replace('=:R', '=:='),
      `md5=:A:, ${sha256}`,
      `${'a=:AAAA:,'.repeat(1000)}${sha256}`,
    ]) {
      await expectRefusal(() => parseContentDigest(header), 'MALFORMED');
    }
  });

  it('reads or refuses any text, and never fails otherwise', () => {
    const pieces = fc.constantFrom('sha-256', '=', ':', ',', ';', ' ', sha256, 'AA', '==', 'a', '"', '*');
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces).map((some) => some.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          for (const digest of Object.values(parseContentDigest(text))) expect(digest.length).oneOf([32, 64]);
        } catch (error) {
          if (!(error instanceof QuorateError)) throw error;
          expect(error.code).equal('MALFORMED');
        }
      }),
      { seed: 20_260_101, numRuns: 3000 },
    );
  });

  it('does not search long for what is nearly right', async () => {
    const near = [`sha-256=:${'A'.repeat(4000)}`, `a=::${';a'.repeat(2000)}"`, `a=::${'; a=a'.repeat(800)}"`];
    for (const header of near) await expectRefusal(() => parseContentDigest(header), 'MALFORMED');
  });
});

describe('contentDigest', () => {
  it('is the header of RFC 9530, from bytes or hex', () => {
    expect(contentDigest(hash('sha256', body))).equal(sha256);
    expect(contentDigest(createHash('sha256').update(body).digest('hex'))).equal(sha256);
  });
});

describe('sameDigest', () => {
  it('compares all bytes', () => {
    const digest = hash('sha256', body);
    expect(sameDigest(digest, digest.slice())).equal(true);
    for (const place of [0, 31])
      expect(sameDigest(digest, digest.with(place, digest[place]! ^ 1))).equal(false);
    expect(sameDigest(digest, digest.subarray(1))).equal(false);
  });
});

describe('checkDigest', () => {
  const check = (header: string, bytes: Uint8Array) => {
    const running = checkDigest(parseContentDigest(header));
    for (const byte of bytes) running.update(Uint8Array.of(byte));
    running.finish();
  };

  it('passes the body that was announced, in pieces', () => {
    for (const header of [sha256, sha512, `${sha256}, ${sha512}`, 'md5=:AAAA:']) {
      expect(() => check(header, body), header).not.throw();
    }
  });

  it('refuses another body, by any of the digests', async () => {
    const other = Buffer.from('{"hello": "World"}\n');
    const others = [
      contentDigest(hash('sha256', other)),
      `sha-512=:${createHash('sha512').update(other).digest('base64')}:`,
    ];
    for (const [header, algorithm] of [
      [others[0], 'sha-256'],
      [others[1], 'sha-512'],
      [`${sha256}, ${others[1]}`, 'sha-512'],
      [`${others[0]}, ${sha512}`, 'sha-256'],
    ]) {
      const { details } = await expectRefusal(() => {
        check(header!, body);
      }, 'BAD_DIGEST');
      expect(details.algorithm).equal(algorithm);
    }
  });
});
