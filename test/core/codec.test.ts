import { expect } from 'chai';
import { decode, type Encoded, type Encoding, encode, encodings } from '../../src/core/codec.js';
import { createEngine } from '../../src/index.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';
import { bfloat16, binary16, nearest } from '../support/smallFloats.js';

const engine = createEngine({ threads: 1 });

/** More than a tile, and odd. */
const d = 2 * 16_384 + 37;
const FULL = 3.4028234663852886e38;

/** For what the compiler would refuse. */
const wrong = (value: unknown): never => value as never;

const roundTrip = async (values: Float32Array, encoding: Encoding) =>
  decode(await encode(values, encoding, { engine }), { engine });

const scaleOf = (encoded: Encoded): number => (encoded.encoding === 'int8' ? encoded.scale : NaN);

describe('encode', () => {
  it('writes f32 unchanged, little-endian', async () => {
    const [values] = normalRows(1, d, 1);
    values!.set([1, -0, 1e-45, FULL]);
    const encoded = await encode(values!, 'f32', { engine });
    expect(encoded).deep.equal({ encoding: 'f32', d, bytes: new Uint8Array(values!.buffer) });
    expect([...encoded.bytes.subarray(0, 8)]).deep.equal([0, 0, 0x80, 0x3f, 0, 0, 0, 0x80]);
  });

  for (const [encoding, reference] of [
    ['f16', binary16],
    ['bf16', bfloat16],
  ] as const) {
    it(`rounds each value to the nearest ${encoding}, little-endian`, async () => {
      const values = normalRows(1, d, 2)[0]!;
      const encoded = await encode(values, encoding, { engine });
      const codes = Uint16Array.from(values, (value) => nearest(reference, value) ?? 0);
      expect(encoded).deep.equal({ encoding, d, bytes: new Uint8Array(codes.buffer) });
    });
  }

  it('scales int8 by the largest magnitude, wherever it is', async () => {
    for (const place of [0, 16_383, 16_384, d - 1]) {
      const values = new Float32Array(d).fill(0.3);
      values[place] = -2;
      const encoded = await encode(values, 'int8', { engine });
      expect(scaleOf(encoded)).equal(Math.fround(2 / 127));
      expect(encoded.bytes.length).equal(d);
      expect(encoded.bytes[place]).equal(256 - 127);
      expect(encoded.bytes[place === 0 ? 1 : 0]).equal(19);
    }
  });

  it('makes the same of a view as of an array of its own', async () => {
    const [values] = normalRows(1, 100, 3);
    const view = values!.subarray(3, 50);
    for (const encoding of encodings) {
      expect(await encode(view, encoding, { engine })).deep.equal(
        await encode(view.slice(), encoding, { engine }),
      );
    }
  });

  it('refuses what is not a vector, and unknown encodings and options', async () => {
    const values = Float32Array.of(1);
    for (const bad of [new Float64Array(1), [1], null, undefined]) {
      await expectRefusal(() => encode(wrong(bad), 'f16'), 'BAD_TYPE');
    }
    await expectRefusal(() => encode(new Float32Array(0), 'f16'), 'EMPTY_INPUT');
    for (const bad of ['f64', '', null, 16]) {
      await expectRefusal(() => encode(values, wrong(bad)), 'INVALID_PARAMETER');
    }
    await expectRefusal(() => encode(values, 'f16', wrong({ scale: 1 })), 'UNKNOWN_PARAMETER');
  });

  it('refuses NaN and infinities, naming the entry', async () => {
    for (const encoding of encodings) {
      for (const value of [NaN, Infinity, -Infinity]) {
        for (const index of [0, 16_384, d - 1]) {
          const values = new Float32Array(d).fill(1).with(index, value);
          const { details } = await expectRefusal(() => encode(values, encoding, { engine }), 'NON_FINITE');
          expect(details.index).equal(index);
        }
      }
    }
  });

  it('refuses values that are too large for the encoding', async () => {
    for (const [encoding, last, first] of [
      ['f16', 65519.996, 65520],
      ['bf16', 3.396177332475e38, 3.39617752923046e38],
    ] as const) {
      for (const index of [0, d - 1]) {
        const values = new Float32Array(d).with(index, -last);
        expect((await encode(values, encoding, { engine })).d).equal(d);
        values[index] = -first;
        await expectRefusal(() => encode(values, encoding, { engine }), 'NON_FINITE_RESULT');
      }
    }
  });
});

describe('decode', () => {
  it('gives back f32 to the last bit', async () => {
    const [values] = normalRows(1, d, 4);
    expect(await roundTrip(values!, 'f32')).deep.equal(values);
  });

  it('is within half a unit of what was encoded', async () => {
    const [values] = normalRows(1, d, 5);
    for (const [encoding, relative] of [
      ['f16', 2 ** -11],
      ['bf16', 2 ** -8],
    ] as const) {
      const decoded = await roundTrip(values!, encoding);
      values!.forEach((value, k) => {
        expect(Math.abs(decoded[k]! - value)).most(Math.abs(value) * relative + 2 ** -25);
      });
    }
  });

  it('is within half a scale of what was encoded as int8, at any size', async () => {
    for (const size of [1, 1e-6, 1e-30, 1e-37, 1e-38, 1e-40, 1e-45, 1e30, 1e38]) {
      const values = normalRows(1, 1000, 6)[0]!.map((value) => value * size);
      const encoded = await encode(values, 'int8', { engine });
      const decoded = await decode(encoded, { engine });
      values.forEach((value, k) => {
        expect(Math.abs(decoded[k]! - value)).most(0.50002 * scaleOf(encoded));
      });
    }
    expect([...(await roundTrip(Float32Array.of(FULL, -FULL, 0), 'int8'))]).satisfies((decoded: number[]) =>
      decoded.every(Number.isFinite),
    );
    expect([...(await roundTrip(new Float32Array(20), 'int8'))]).deep.equal(new Array(20).fill(0));
  });

  it('encodes to the same bytes again', async () => {
    const [values] = normalRows(1, 1000, 7);
    for (const encoding of ['f32', 'f16', 'bf16'] as const) {
      const encoded = await encode(values!, encoding, { engine });
      expect(await encode(await decode(encoded, { engine }), encoding, { engine })).deep.equal(encoded);
    }
  });

  it('takes bytes from any address', async () => {
    const [values] = normalRows(1, 100, 8);
    for (const encoding of encodings) {
      const encoded = await encode(values!, encoding, { engine });
      const message = Buffer.concat([Buffer.from('abc'), encoded.bytes]);
      const bytes = message.subarray(3);
      expect(await decode({ ...encoded, bytes }, { engine })).deep.equal(await decode(encoded, { engine }));
    }
  });

  it('refuses the wrong number of bytes', async () => {
    for (const [encoding, size] of [
      ['f32', 4],
      ['f16', 2],
      ['bf16', 2],
    ] as const) {
      for (const length of [0, 3 * size - 1, 3 * size + 1, 4 * size]) {
        await expectRefusal(() => decode({ encoding, d: 3, bytes: new Uint8Array(length) }), 'BAD_SHAPE');
      }
    }
    await expectRefusal(
      () => decode({ encoding: 'int8', d: 3, bytes: new Uint8Array(4), scale: 1 }),
      'BAD_SHAPE',
    );
  });

  it('refuses what is not an encoded vector', async () => {
    const bytes = new Uint8Array(4);
    for (const bad of [null, undefined, 3, 'f32']) await expectRefusal(() => decode(wrong(bad)), 'BAD_TYPE');
    await expectRefusal(() => decode({ encoding: 'f32', d: 1, bytes: wrong([0, 0, 0, 0]) }), 'BAD_TYPE');
    await expectRefusal(
      () => decode({ encoding: 'f32', d: 1, bytes: wrong(new Float32Array(1)) }),
      'BAD_TYPE',
    );
    await expectRefusal(() => decode(wrong({ encoding: 'f64', d: 1, bytes })), 'INVALID_PARAMETER');
    for (const bad of [-1, 0.5, NaN, '1', undefined]) {
      await expectRefusal(() => decode({ encoding: 'f32', d: wrong(bad), bytes }), 'INVALID_PARAMETER');
    }
    await expectRefusal(() => decode({ encoding: 'f32', d: 0, bytes: new Uint8Array(0) }), 'EMPTY_INPUT');
    await expectRefusal(
      () => decode({ encoding: 'f32', d: 1, bytes }, wrong({ into: 1 })),
      'UNKNOWN_PARAMETER',
    );
  });

  it('refuses a scale that is missing, not finite or negative, and one where there is none', async () => {
    const bytes = new Uint8Array(4);
    for (const scale of [undefined, null, NaN, Infinity, 1e39, -1, '1']) {
      await expectRefusal(
        () => decode({ encoding: 'int8', d: 4, bytes, scale: wrong(scale) }),
        'INVALID_PARAMETER',
      );
    }
    await expectRefusal(() => decode(wrong({ encoding: 'f16', d: 2, bytes, scale: 1 })), 'INVALID_PARAMETER');
  });

  it('refuses NaN and infinities, naming the entry', async () => {
    for (const [encoding, code] of [
      ['f32', [0, 0, 0x80, 0x7f]],
      ['f32', [1, 0, 0x80, 0xff]],
      ['f16', [0, 0x7c]],
      ['f16', [1, 0xfc]],
      ['bf16', [0x80, 0x7f]],
      ['bf16', [0x81, 0xff]],
    ] as const) {
      for (const index of [0, 16_385, d - 1]) {
        const bytes = new Uint8Array(d * code.length);
        bytes.set(code, index * code.length);
        const { details } = await expectRefusal(
          () => decode({ encoding, d, bytes }, { engine }),
          'NON_FINITE',
        );
        expect(details.index).equal(index);
      }
    }
    const bytes = new Uint8Array(d);
    bytes[20_000] = 127;
    await expectRefusal(() => decode({ encoding: 'int8', d, bytes, scale: 3e38 }, { engine }), 'NON_FINITE');
  });

  it('leaves the engine as it was', async () => {
    const own = createEngine({ threads: 1, memoryLimitBytes: 2 ** 20 });
    const free = () => own.exclusive(({ arena }) => arena.largestFreeBytes);
    const before = await free();
    await decode(await encode(new Float32Array(2 ** 20), 'f16', { engine: own }), { engine: own });
    await expectRefusal(() => encode(Float32Array.of(NaN), 'int8', { engine: own }), 'NON_FINITE');
    expect(await free()).equal(before);
    await own.dispose();
  });
});
