import { expect } from 'chai';
import { GUARD, onCore } from '../support/core.js';
import { mulberry32, normalRows, random } from '../support/random.js';

const copyChecked = (values: Float32Array) =>
  onCore(({ core, room, place }) => core.copyChecked(place(values), room(values.byteLength), values.length));

const squaredNorm = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);

/** The order of additions that the kernel promises, in plain JavaScript. */
function squaredNormByBlocks(values: Float32Array): number {
  const folded = new Float64Array(4);
  for (let block = 0; block < values.length; block += 256) {
    const lanes = new Float32Array(16);
    values.subarray(block, block + 256).forEach((value, k) => {
      lanes[k % 16]! += Math.fround(value * value);
    });
    for (let k = 0; k < 4; k++) {
      const [a, b, c, d] = [lanes[k], lanes[k + 4], lanes[k + 8], lanes[k + 12]];
      folded[k]! += Math.fround(Math.fround(a! + b!) + Math.fround(c! + d!));
    }
  }
  return folded[0]! + folded[2]! + (folded[1]! + folded[3]!);
}

function expectRelative(actual: number, expected: number, relative: number): void {
  expect(Math.abs(actual - expected), `${actual} for ${expected}`).most(relative * expected);
}

describe('copyChecked', () => {
  it('copies exactly count floats, bit by bit, from any 4-byte boundary', async () => {
    const next = mulberry32(1);
    await onCore(({ core, room, place, bits, bytes }) => {
      for (let count = 0; count <= 300; count++) {
        const patterns = Uint32Array.from({ length: count }, next);
        const source = place(patterns, (count % 16) * 4);
        const target = room(count * 4, ((count >> 4) % 16) * 4);
        core.copyChecked(source, target, count);
        expect(bits(target, count)).deep.equal(patterns);
        expect(bits(source, count)).deep.equal(patterns);
        expect([...bytes(target - 16, 16), ...bytes(target + count * 4, 16)]).deep.equal(
          new Array(32).fill(GUARD),
        );
      }
    });
  });

  it('returns the squared norm, right to 1e-6', async () => {
    for (const d of [1, 2, 3, 15, 16, 17, 255, 256, 257, 1000, 100_003]) {
      const [values] = normalRows(1, d, d);
      expectRelative(await copyChecked(values!), squaredNorm(values!), 1e-6);
    }
  });

  it('adds in one order only: the same bits everywhere', async () => {
    for (const d of [1, 5, 16, 100, 256, 257, 270, 5003]) {
      const [values] = normalRows(1, d, d + 1);
      expect(await copyChecked(values!)).equal(squaredNormByBlocks(values!));
    }
  });

  it('returns the same with and without the zeros that pad a row', async () => {
    for (const size of [1, 1e-30, 1e30]) {
      for (let d = 1; d <= 300; d += 7) {
        const values = normalRows(1, d, d)[0]!.map((value) => value * size);
        const padded = new Float32Array(Math.ceil(d / 16) * 16);
        padded.set(values);
        expect(await copyChecked(padded)).equal(await copyChecked(values));
      }
    }
  });

  it('is exact where float32 squares overflow or vanish', async () => {
    const { normal } = random(8);
    for (const size of [1e38, 3e37, 1e25, 1e-20, 1e-30, 1e-42]) {
      const values = Float32Array.from({ length: 1001 }, () => normal() * size);
      expectRelative(await copyChecked(values), squaredNorm(values), 1e-13);
    }
    const mixed = Float32Array.from({ length: 1000 }, (_, k) => (k === 700 ? 1e30 : 1e-25));
    expectRelative(await copyChecked(mixed), squaredNorm(mixed), 1e-13);
  });

  it('is 0 for zeros and for nothing', async () => {
    expect(await copyChecked(new Float32Array(1000))).equal(0);
    expect(await copyChecked(new Float32Array(1000).fill(-0))).equal(0);
    expect(await copyChecked(new Float32Array(0))).equal(0);
  });

  it('is not finite when, and only when, a value is NaN or an infinity', async () => {
    for (const rest of [0, 1, 3.4028234663852886e38, -3.4028234663852886e38]) {
      const values = new Float32Array(290).fill(rest);
      expect(Number.isFinite(await copyChecked(values))).equal(true);
      for (const lie of [NaN, Infinity, -Infinity]) {
        for (const place of [0, 1, 15, 16, 100, 255, 256, 271, 272, 275, 276, 280, 284, 288, 289]) {
          const poisoned = values.slice();
          poisoned[place] = lie;
          expect(Number.isFinite(await copyChecked(poisoned)), `${lie} at ${place}`).equal(false);
        }
      }
    }
  });

  it('measures a row where it is', async () => {
    const [values] = normalRows(1, 777, 4);
    await onCore(({ core, place, f32 }) => {
      const address = place(values!);
      expect(core.copyChecked(address, address, 777)).equal(squaredNormByBlocks(values!));
      expect(f32(address, 777)).deep.equal(values);
    });
  });
});
