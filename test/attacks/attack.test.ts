import { expect } from 'chai';
import {
  aLittleIsEnough,
  attack,
  attacks,
  gaussian,
  infinity,
  innerProductManipulation,
  mimic,
  signFlipping,
} from '../../src/attacks/index.js';
import * as registry from '../../src/attacks/registry.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';

const all = Object.values(registry).map((factory) => factory());

describe('every attack', () => {
  for (const each of all) {
    describe(each.name, () => {
      it('leaves the honest updates as they were', () => {
        const honest = normalRows(5, 33, 1);
        const before = honest.map((row) => row.slice());
        each.forge(honest, 2);
        expect(honest).deep.equal(before);
      });

      it('makes an array of its own for each attacker, which shares nothing with the honest ones', () => {
        const honest = normalRows(5, 33, 2);
        const before = honest.map((row) => row.slice());
        const [first, second, ...rest] = each.forge(honest, 2);
        expect(rest).deep.equal([]);
        const kept = second!.slice();
        first!.fill(7);
        expect(second).deep.equal(kept);
        second!.fill(7);
        expect(honest).deep.equal(before);
      });

      it('makes as many updates as there are attackers, none at all included', () => {
        for (const attackers of [0, 1, 4]) {
          const lies = each.forge(normalRows(3, 5, 3), attackers);
          expect(lies.map((lie) => lie.length)).deep.equal(Array.from({ length: attackers }, () => 5));
        }
      });

      it('makes the same updates from the same input', () => {
        expect(each.forge(normalRows(4, 17, 4), 3)).deep.equal(each.forge(normalRows(4, 17, 4), 3));
      });

      it('refuses what is no list of honest updates', async () => {
        await expectRefusal(() => each.forge([], 1), 'EMPTY_INPUT');
        await expectRefusal(() => each.forge([new Float32Array(0), new Float32Array(0)], 1), 'EMPTY_INPUT');
        await expectRefusal(() => each.forge([Float32Array.of(1, 2), Float32Array.of(1)], 1), 'BAD_SHAPE');
        const integers: unknown[] = [Int32Array.of(1), Int32Array.of(2)];
        await expectRefusal(() => each.forge(integers as Float32Array[], 1), 'BAD_TYPE');
        for (const bad of [NaN, Infinity, -Infinity]) {
          const honest = normalRows(3, 4, 5);
          honest[2]![3] = bad;
          const { details } = await expectRefusal(() => each.forge(honest, 1), 'NON_FINITE');
          expect(details.rows).deep.equal([2]);
        }
      });

      it('refuses a number of attackers that is none', async () => {
        for (const attackers of [-1, 1.5, NaN]) {
          await expectRefusal(() => each.forge(normalRows(3, 4, 6), attackers), 'INVALID_PARAMETER');
        }
      });

      it('refuses unknown parameters, by name too', async () => {
        const { details } = await expectRefusal(() => attack(each.name, { Tau: 1 }), 'UNKNOWN_PARAMETER');
        expect(details.unknown).deep.equal(['Tau']);
      });

      it('is the same by name', () => {
        const honest = normalRows(4, 9, 7);
        const named = attack(each.name);
        expect(named.parameters).deep.equal(each.parameters);
        expect(named.forge(honest, 2)).deep.equal(each.forge(honest, 2));
      });
    });
  }
});

describe('the values of attacks', () => {
  const honest = [
    [1, 10],
    [3, 10],
    [5, 40],
  ].map((row) => Float32Array.from(row)); // mean 3, 20; deviation 2, √300

  it('sign-flipping sends the opposite of the mean', () => {
    expect([...signFlipping().forge(honest, 1)[0]!]).deep.equal([-3, -20]);
  });

  it('inner-product-manipulation scales that by tau', () => {
    expect([...innerProductManipulation({ tau: 0.5 }).forge(honest, 1)[0]!]).deep.equal([-1.5, -10]);
  });

  it('a-little-is-enough shifts by tau deviations, n − 1 in the denominator', () => {
    const [lie] = aLittleIsEnough({ tau: -1 }).forge(honest, 1);
    expect([...lie!]).deep.equal([1, Math.fround(20 - Math.sqrt(300))]);
  });

  it('a-little-is-enough keeps a small deviation of large values', () => {
    const near = [1000, 1000.0001, 1000.0002].map((value) => Float32Array.of(value));
    const [lie] = aLittleIsEnough({ tau: 0 }).forge(near, 1);
    const [shifted] = aLittleIsEnough({ tau: 1000 }).forge(near, 1);
    const spread = near[2]![0]! - near[0]![0]!;
    expect(shifted![0]! - lie![0]!).within(400 * spread, 600 * spread);
  });

  it('a-little-is-enough needs two honest updates', async () => {
    await expectRefusal(() => aLittleIsEnough().forge([Float32Array.of(1)], 1), 'TOO_FEW_UPDATES');
  });

  it('mimic copies the given row', () => {
    expect(mimic().forge(honest, 2)).deep.equal([honest[0], honest[0]]);
    expect(mimic({ row: 2 }).forge(honest, 2)).deep.equal([honest[2], honest[2]]);
  });

  it('mimic refuses a row that is not there', async () => {
    await expectRefusal(() => mimic({ row: 3 }).forge(honest, 2), 'INVALID_PARAMETER');
    await expectRefusal(() => mimic({ row: -1 }), 'INVALID_PARAMETER');
    await expectRefusal(() => mimic({ row: 0.5 }), 'INVALID_PARAMETER');
  });

  it('infinity sends nothing else', () => {
    expect([...infinity().forge(honest, 1)[0]!]).deep.equal([Infinity, Infinity]);
  });

  it('gaussian has the mean and deviation asked for, and other noise for each attacker and seed', () => {
    const wide = [new Float32Array(40_000)];
    const [first, second] = gaussian({ seed: 1, mean: -4, standardDeviation: 2 }).forge(wide, 2);
    let sum = 0;
    let squares = 0;
    let products = 0;
    for (const [k, value] of first!.entries()) {
      sum += value;
      squares += (value + 4) ** 2;
      products += (value + 4) * (second![k]! + 4);
    }
    // Five standard errors each: 2 / √40000, 4·√2 / √40000, 4 / √40000.
    expect(sum / first!.length).closeTo(-4, 0.05);
    expect(squares / first!.length).closeTo(4, 0.15);
    expect(products / first!.length).closeTo(0, 0.1);
    expect(gaussian({ seed: 2 }).forge(wide, 1)).not.deep.equal(gaussian({ seed: 1 }).forge(wide, 1));
  });

  it('refuses parameters that are no numbers, or out of range', async () => {
    for (const tau of [NaN, Infinity, '2', null]) {
      await expectRefusal(() => attack('inner-product-manipulation', { tau }), 'INVALID_PARAMETER');
      await expectRefusal(() => attack('a-little-is-enough', { tau }), 'INVALID_PARAMETER');
    }
    for (const parameters of [
      { standardDeviation: 0 },
      { standardDeviation: -1 },
      { seed: -1 },
      { seed: 0.5 },
    ]) {
      await expectRefusal(() => attack('gaussian', parameters), 'INVALID_PARAMETER');
    }
    await expectRefusal(() => attack('gaussian', [1]), 'INVALID_PARAMETER');
  });
});

describe('attacks', () => {
  it('lists every attack with its parameters and their defaults', () => {
    const listed = attacks();
    expect(listed.map(({ name }) => name)).deep.equal(all.map(({ name }) => name));
    for (const [i, { kind, parameters, summary, source, constraint }] of listed.entries()) {
      expect(kind).equal('attack');
      expect([summary, source, constraint]).not.include('');
      expect(Object.fromEntries(parameters.map(({ name, default: value }) => [name, value]))).deep.equal(
        all[i]!.parameters,
      );
      for (const { description, required } of parameters) {
        expect(description).not.equal('');
        expect(required).equal(false);
      }
    }
  });
});

describe('attack', () => {
  it('refuses a name that it does not know, and says which it does', async () => {
    for (const name of ['sign-flip', 'toString', '']) {
      const { details } = await expectRefusal(() => attack(name), 'UNKNOWN_RULE');
      expect(details.known).include('sign-flipping');
    }
  });
});
