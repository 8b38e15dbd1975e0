import { readFileSync } from 'node:fs';
import {
  aLittleIsEnough,
  type Attack,
  innerProductManipulation,
  signFlipping,
} from '../../src/attacks/index.js';
import { expectClose } from '../support/close.js';
import { type GoldenCase, unflatten } from '../support/golden.js';

interface CaseWithAttacks extends GoldenCase {
  readonly attacks: Readonly<Record<string, number[]>>;
}

const { cases } = JSON.parse(readFileSync('test/fixtures/byzfl.json', 'utf8')) as {
  cases: CaseWithAttacks[];
};

const attacksByKey: Readonly<Record<string, Attack>> = {
  'sign-flipping': signFlipping(),
  'inner-product-manipulation tau=2': innerProductManipulation(),
  'a-little-is-enough tau=1.5': aLittleIsEnough(),
};

describe('attacks, on what ByzFL computed', () => {
  for (const { data, n, d, f, input, attacks } of cases) {
    const honest = unflatten(input, d)
      .slice(0, n - f)
      .map((row) => Float32Array.from(row));

    for (const [key, expected] of Object.entries(attacks)) {
      it(`agree for ${data} data, ${n} × ${d}: ${key}`, () => {
        for (const lie of attacksByKey[key]!.forge(honest, f)) expectClose(lie, expected, 1e-6);
      });
    }
  }
});
