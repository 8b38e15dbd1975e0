import { expect } from 'chai';
import { aLittleIsEnough, innerProductManipulation, optimal, signFlipping } from '../../src/attacks/index.js';
import { type GradedAttack } from '../../src/attacks/optimal.js';
import { aggregate, mean, nnm, pipeline, type Pipeline, trimmedMean } from '../../src/index.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';

const honest = normalRows(7, 200, 11).map((row) => row.map((value) => value + 0.5));
const attackers = 3;

async function distanceOf(lies: Float32Array[], defense: Pipeline): Promise<number> {
  const { value } = await aggregate([...honest, ...lies], defense);
  const squares = value.map((entry, k) => (entry - honest.reduce((sum, row) => sum + row[k]!, 0) / 7) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
}

describe('optimal', () => {
  const defense = pipeline(nnm({ f: attackers }), trimmedMean({ f: attackers }));

  for (const attack of [aLittleIsEnough, innerProductManipulation]) {
    describe(attack.definition.name, () => {
      it('moves the result at least as far as any strength of its grid', async () => {
        const grid = [0.1, 0.4, 0.8, 1.5, 4, 9];
        const { distance } = await optimal(attack, { defense, grid }).search(honest, attackers);
        for (const tau of grid) {
          const other = await distanceOf(attack({ tau }).forge(honest, attackers), defense);
          expect(distance, `tau ${tau}`).at.least(other * (1 - 1e-6));
        }
      });

      it('reports the distance and the strength of its updates', async () => {
        const { tau, distance, updates } = await optimal(attack, { defense }).search(honest, attackers);
        expect(updates).deep.equal(attack({ tau }).forge(honest, attackers));
        expect(await distanceOf(updates, defense)).closeTo(distance, 1e-5 * distance);
        expect(await optimal(attack, { defense }).forge(honest, attackers)).deep.equal(updates);
      });

      it('gets better, or stays as good, by refining', async () => {
        const search = async (refinements: number) =>
          (await optimal(attack, { defense, refinements }).search(honest, attackers)).distance;
        const [rough, fine] = [await search(0), await search(6)];
        expect(fine).at.least(rough);
      });
    });
  }

  it('leans on a mean as hard as it may', async () => {
    const { tau, distance } = await optimal(aLittleIsEnough, { defense: mean(), grid: [1, 2, 30] }).search(
      honest,
      attackers,
    );
    expect(tau).equal(30);
    expect(distance).greaterThan(9); // 3/10 of 30 deviations of about 1, in 200 coordinates
  });

  it('does not overdo it where the defense sees through lies that are too bold', async () => {
    const { tau } = await optimal(innerProductManipulation, {
      defense,
      grid: [0.5, 1e4],
      refinements: 0,
    }).search(honest, attackers);
    expect(tau).equal(0.5);
  });

  it('leaves the honest updates as they were', async () => {
    const before = honest.map((row) => row.slice());
    await optimal(aLittleIsEnough, { defense }).forge(honest, attackers);
    expect(honest).deep.equal(before);
  });

  it('refuses bad options before any work', async () => {
    for (const grid of [[], [1, 1], [2, 1], [NaN], [Infinity]]) {
      await expectRefusal(() => optimal(aLittleIsEnough, { defense, grid }), 'INVALID_PARAMETER');
    }
    await expectRefusal(() => optimal(aLittleIsEnough, { defense, refinements: -1 }), 'INVALID_PARAMETER');
    const misspelt = { defense, evaluations: 3 };
    await expectRefusal(() => optimal(aLittleIsEnough, misspelt), 'UNKNOWN_PARAMETER');
    const without: object = {};
    await expectRefusal(
      () => optimal(aLittleIsEnough, without as { defense: Pipeline }),
      'INVALID_PARAMETER',
    );
    const ungraded: unknown = signFlipping;
    await expectRefusal(() => optimal(ungraded as GradedAttack, { defense }), 'UNKNOWN_PARAMETER');
  });

  it('passes on what the attack and the defense refuse', async () => {
    const attack = optimal(aLittleIsEnough, { defense });
    await expectRefusal(() => attack.forge([], 1), 'EMPTY_INPUT');
    await expectRefusal(() => attack.forge(honest.slice(0, 1), 1), 'TOO_FEW_UPDATES');
    await expectRefusal(() => attack.forge(honest, -1), 'INVALID_PARAMETER');
    await expectRefusal(() => attack.forge(honest.slice(0, 3), 2), 'TOO_FEW_UPDATES');
  });
});
