import { expect } from 'chai';
import { type Bench, GUARD, onCore } from '../support/core.js';
import { mulberry32, random } from '../support/random.js';
import { bfloat16, binary16, decoded, nearest, type SmallFloat } from '../support/smallFloats.js';

const everyCode = Uint16Array.from({ length: 65536 }, (_, code) => code);

interface Format {
  readonly name: string;
  readonly reference: SmallFloat;
  /** The bit of a code that makes a NaN quiet, and how far a code is to be shifted to become a float32's payload. */
  readonly quiet: number;
  readonly payloadShift: number;
  readonly decode: (bench: Bench, source: number, target: number, count: number) => number;
  readonly encode: (bench: Bench, source: number, target: number, count: number) => number;
}

const formats: Format[] = [
  {
    name: 'Float16',
    reference: binary16,
    quiet: 0x200,
    payloadShift: 13,
    decode: ({ core }, source, target, count) => core.decodeFloat16(source, target, count),
    encode: ({ core }, source, target, count) => core.encodeFloat16(source, target, count),
  },
  {
    name: 'Bfloat16',
    reference: bfloat16,
    quiet: 0x40,
    payloadShift: 16,
    decode: ({ core }, source, target, count) => core.decodeBfloat16(source, target, count),
    encode: ({ core }, source, target, count) => core.encodeBfloat16(source, target, count),
  },
];

const floatsOf = (bits: Uint32Array): Float32Array => new Float32Array(bits.buffer);
const bitsOf = (floats: Float32Array): Uint32Array =>
  new Uint32Array(floats.buffer, floats.byteOffset, floats.length);

for (const { name, reference, quiet, payloadShift, decode, encode } of formats) {
  const { infinity } = reference;
  const isNaNCode = (code: number): boolean => code % 0x8000 > infinity;
  const isFiniteCode = (code: number): boolean => code % 0x8000 < infinity;

  const decodeAll = (codes: Uint16Array) =>
    onCore((bench) => {
      const target = bench.room(codes.length * 4);
      const flag = decode(bench, bench.place(codes), target, codes.length);
      return { flag, values: bench.f32(target, codes.length) };
    });
  const encodeAll = (values: Float32Array) =>
    onCore((bench) => {
      const target = bench.room(values.length * 2);
      const flag = encode(bench, bench.place(values), target, values.length);
      return { flag, codes: new Uint16Array(bench.bytes(target, values.length * 2).buffer) };
    });

  /** Expects what the reference says for each value; fails naming the first that is different. */
  async function expectNearest(values: Float32Array): Promise<void> {
    const { codes } = await encodeAll(values);
    values.forEach((value, k) => {
      const expected = nearest(reference, value);
      const right = expected === undefined ? isNaNCode(codes[k]!) : codes[k] === expected;
      if (!right) expect.fail(`${value} became code ${codes[k]}, not ${expected ?? 'a NaN'}`);
    });
  }

  describe(`decode${name}`, () => {
    it('is right on all 65,536 codes', async () => {
      const { values } = await decodeAll(everyCode);
      const bits = bitsOf(values);
      for (const code of everyCode) {
        const expected = decoded(reference, code);
        const right = Number.isNaN(expected)
          ? bits[code] ===
            (code & 0x8000) * 0x10000 + 0x7f800000 + ((code % 0x8000) - infinity) * 2 ** payloadShift
          : Object.is(values[code], expected);
        if (!right) expect.fail(`code ${code} became ${values[code]}, not ${expected}`);
      }
    });

    it('reports NaN and infinities at any position', async () => {
      expect((await decodeAll(everyCode.filter(isFiniteCode))).flag).equal(0);
      for (const code of [infinity, infinity + 1, 0x7fff, infinity + 0x8000, 0xffff]) {
        for (const place of [0, 7, 8, 31, 32, 63, 64, 70]) {
          const codes = new Uint16Array(71);
          codes[place] = code;
          expect((await decodeAll(codes)).flag, `code ${code} at ${place}`).equal(1);
        }
      }
    });

    it('reads and writes exactly count values at any address', async () => {
      const { uniform } = random(5);
      await onCore((bench) => {
        for (let count = 0; count <= 70; count++) {
          const codes = Uint16Array.from({ length: count }, () => Math.floor(uniform() * infinity));
          const target = bench.room(count * 4, count % 8);
          decode(bench, bench.place(codes, count % 7), target, count);
          expect([...bench.f32(target, count)]).deep.equal(
            Array.from(codes, (code) => decoded(reference, code)),
          );
          expect([...bench.bytes(target - 32, 32), ...bench.bytes(target + count * 4, 32)]).deep.equal(
            new Array(64).fill(GUARD),
          );
        }
      });
    });
  });

  describe(`encode${name}`, () => {
    it('gives back every code that is decoded, NaN becoming quiet', async () => {
      const { codes } = await encodeAll((await decodeAll(everyCode)).values);
      for (const code of everyCode) {
        if (!isNaNCode(code)) {
          if (codes[code] !== code) expect.fail(`code ${code} became ${codes[code]}`);
        } else if (
          !isNaNCode(codes[code]!) ||
          (codes[code]! & quiet) === 0 ||
          codes[code]! >> 15 !== code >> 15
        ) {
          expect.fail(`NaN ${code} became ${codes[code]}`);
        }
      }
    });

    it('rounds to the nearest, and ties to even, between any two neighbors', async () => {
      const values: number[] = [];
      const { beyond } = reference;
      reference.values.forEach((value, code) => {
        values.push((value + (code + 1 < infinity ? reference.values[code + 1]! : beyond)) / 2);
      });
      const halfWays = Float32Array.from(values);
      expect(values.every((value, k) => halfWays[k] === value)).equal(true);
      const bits = bitsOf(halfWays);
      await expectNearest(halfWays);
      await expectNearest(floatsOf(bits.map((pattern) => pattern + 1)));
      await expectNearest(floatsOf(bits.map((pattern) => pattern - 1)));
      await expectNearest(floatsOf(bits.map((pattern) => (pattern | 0x80000000) >>> 0)));
    });

    it('is right on a million floats of random bits', async () => {
      const next = mulberry32(16);
      await expectNearest(floatsOf(Uint32Array.from({ length: 1_000_000 }, next)));
    });

    it('is right on a million floats of ordinary size', async () => {
      const { normal } = random(17);
      await expectNearest(Float32Array.from({ length: 1_000_000 }, () => normal() * 1e-4));
    });

    it('reports values that overflow when encoded, at any position', async () => {
      const largest = reference.values[infinity - 1]!;
      const halfWay = Float32Array.of((largest + reference.beyond) / 2);
      const firstOverflow = halfWay[0]!;
      const lastFinite = floatsOf(bitsOf(halfWay).map((pattern) => pattern - 1))[0]!;
      for (const place of [0, 7, 8, 31, 32, 63, 64, 70]) {
        for (const [value, flag] of [
          [largest, 0],
          [lastFinite, 0],
          [-lastFinite, 0],
          [firstOverflow, 1],
          [-firstOverflow, 1],
          [3.4028234663852886e38, 1],
          [Infinity, 1],
          [-Infinity, 1],
          [NaN, 1],
        ] as const) {
          const values = new Float32Array(71);
          values[place] = value;
          expect((await encodeAll(values)).flag, `${value} at ${place}`).equal(flag);
        }
      }
    });

    it('reads and writes exactly count values at any address', async () => {
      const { normal } = random(6);
      await onCore((bench) => {
        for (let count = 0; count <= 70; count++) {
          const values = Float32Array.from({ length: count }, normal);
          const target = bench.room(count * 2, count % 7);
          encode(bench, bench.place(values, count % 8), target, count);
          const codes = new Uint16Array(bench.bytes(target, count * 2).buffer);
          expect([...codes]).deep.equal(Array.from(values, (value) => nearest(reference, value)));
          expect([...bench.bytes(target - 32, 32), ...bench.bytes(target + count * 2, 32)]).deep.equal(
            new Array(64).fill(GUARD),
          );
        }
      });
    });
  });
}

describe('decodeInt8', () => {
  it('multiplies each of the 256 bytes by the scale, rounded once', async () => {
    const bytes = Int8Array.from({ length: 256 }, (_, k) => k - 128);
    for (const scale of [1, 0.1, 1e-3, 1.1754943508222875e-38, 2.6e36, 0]) {
      const rounded = Math.fround(scale);
      const { flag, values } = await onCore(({ core, room, place, f32 }) => {
        const target = room(1024);
        return { flag: core.decodeInt8(place(bytes), target, 256, scale), values: f32(target, 256) };
      });
      expect(flag).equal(0);
      bytes.forEach((byte, k) => {
        expect(values[k]).equal(Math.fround(byte * rounded));
      });
    }
  });

  it('reports values that are not finite', async () => {
    const flags = (bytes: Int8Array, scale: number) =>
      onCore(({ core, room, place }) =>
        core.decodeInt8(place(bytes), room(bytes.length * 4), bytes.length, scale),
      );
    for (const place of [0, 15, 16, 31, 32, 40]) {
      const bytes = new Int8Array(41);
      bytes[place] = -128;
      expect(await flags(bytes, 1e37), `at ${place}`).equal(1);
      expect(await flags(bytes, 1e36), `at ${place}`).equal(0);
    }
    for (const scale of [NaN, Infinity]) expect(await flags(new Int8Array(1), scale)).equal(1);
  });

  it('reads and writes exactly count values at any address', async () => {
    await onCore(({ core, room, place, f32, bytes }) => {
      for (let count = 0; count <= 70; count++) {
        const source = Int8Array.from({ length: count }, (_, k) => k * 37);
        const target = room(count * 4, count % 8);
        core.decodeInt8(place(source, count % 7), target, count, 0.5);
        expect([...f32(target, count)]).deep.equal(Array.from(source, (byte) => byte / 2 || 0));
        expect([...bytes(target - 32, 32), ...bytes(target + count * 4, 32)]).deep.equal(
          new Array(64).fill(GUARD),
        );
      }
    });
  });
});

/** The nearest whole number, ties to even. */
function nearestEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.floor(x + 0.5);
  return below % 2 === 0 ? below : below + 1;
}

describe('encodeInt8', () => {
  const encodeAll = (values: Float32Array, inverse: number) =>
    onCore(({ core, room, place, bytes }) => {
      const target = room(values.length);
      core.encodeInt8(place(values), target, values.length, inverse);
      return new Int8Array(bytes(target, values.length).buffer);
    });

  it('rounds the product to the nearest whole number, ties to even', async () => {
    const quarters = Float32Array.from({ length: 1017 }, (_, k) => (k - 508) / 4);
    expect([...(await encodeAll(quarters, 1))]).deep.equal(
      Array.from(quarters, (value) => nearestEven(value) || 0),
    );
    const { normal } = random(3);
    const values = Float32Array.from({ length: 100_000 }, normal);
    const inverse = Math.fround(127 / 3.5);
    const expected = Array.from(values, (value) => nearestEven(Math.fround(value * inverse)) || 0);
    expect([...(await encodeAll(values, inverse))]).deep.equal(expected);
  });

  it('reads and writes exactly count values at any address', async () => {
    await onCore(({ core, room, place, bytes }) => {
      for (let count = 0; count <= 70; count++) {
        const values = Float32Array.from({ length: count }, (_, k) => (k % 2 === 0 ? k : -k));
        const target = room(count, count % 7);
        core.encodeInt8(place(values, count % 8), target, count, 1);
        expect([...new Int8Array(bytes(target, count).buffer)]).deep.equal(
          Array.from(values, (value) => value || 0),
        );
        expect([...bytes(target - 32, 32), ...bytes(target + count, 32)]).deep.equal(
          new Array(64).fill(GUARD),
        );
      }
    });
  });
});

describe('largestMagnitude', () => {
  const largest = (values: Float32Array, offset = 0) =>
    onCore(({ core, place }) => core.largestMagnitude(place(values, offset), values.length));

  it('finds the largest magnitude, wherever it is, and nothing outside', async () => {
    expect(await largest(new Float32Array(0))).equal(0);
    for (let count = 1; count <= 40; count++) {
      for (let place = 0; place < count; place++) {
        const values = new Float32Array(count).fill(-1e-45);
        values[place] = place % 2 === 0 ? -7.5 : 7.5;
        expect(await largest(values, count % 8)).equal(7.5);
      }
    }
  });

  it('is not finite when, and only when, a value is not', async () => {
    for (const value of [NaN, -NaN, Infinity, -Infinity]) {
      for (const place of [0, 15, 16, 18]) {
        const values = new Float32Array(19).fill(-3.4e38);
        expect(Number.isFinite(await largest(values))).equal(true);
        values[place] = value;
        expect(Number.isFinite(await largest(values))).equal(false);
      }
    }
  });
});
