import { expect } from 'chai';
import { inStartOrder } from '../../../src/orchestrator/plan/systemPlan.js';
import { expectRefusal } from '../../support/refusal.js';

const graph = (edges: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(edges).map(([name, dependsOn]) => ({ name, dependsOn }));

describe('inStartOrder', () => {
  it('puts each component after its dependencies, and otherwise keeps the order', () => {
    const order = (edges: Readonly<Record<string, readonly string[]>>) =>
      inStartOrder(graph(edges)).map(({ name }) => name);
    expect(order({ a: [], b: [], c: [] })).deep.equal(['a', 'b', 'c']);
    expect(order({ a: ['c'], b: ['a', 'd'], c: ['d'], d: [] })).deep.equal(['d', 'c', 'a', 'b']);
    expect(order({})).deep.equal([]);
  });

  it('refuses a cycle, and names it', async () => {
    for (const [edges, cycle] of [
      [{ a: ['a'] }, ['a', 'a']],
      [{ x: ['a'], a: ['b'], b: ['c'], c: ['a'] }, ['a', 'b', 'c', 'a']],
    ] as const) {
      const { details } = await expectRefusal(() => inStartOrder(graph(edges)), 'INVALID_PARAMETER');
      expect(details.cycle).deep.equal(cycle);
    }
  });

  it('refuses an unknown dependency', async () => {
    const { details } = await expectRefusal(
      () => inStartOrder(graph({ a: ['b'], c: [] })),
      'INVALID_PARAMETER',
    );
    expect(details).deep.include({ component: 'a', known: ['a', 'c'] });
  });
});
