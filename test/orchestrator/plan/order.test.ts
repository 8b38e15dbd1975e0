import { expect } from 'chai';
import { inOrder } from '../../../src/orchestrator/plan/order.js';
import { expectRefusal } from '../../support/refusal.js';

const graph = (edges: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(edges).map(([name, dependsOn]) => ({ name, dependsOn }));

describe('inOrder', () => {
  it('puts each after those that it depends on, and leaves the others as they are', () => {
    const order = (edges: Readonly<Record<string, readonly string[]>>) =>
      inOrder(graph(edges)).map(({ name }) => name);
    expect(order({ a: [], b: [], c: [] })).deep.equal(['a', 'b', 'c']);
    expect(order({ a: ['c'], b: ['a', 'd'], c: ['d'], d: [] })).deep.equal(['d', 'c', 'a', 'b']);
    expect(order({})).deep.equal([]);
  });

  it('refuses a circle, and names it', async () => {
    for (const [edges, circle] of [
      [{ a: ['a'] }, ['a', 'a']],
      [{ x: ['a'], a: ['b'], b: ['c'], c: ['a'] }, ['a', 'b', 'c', 'a']],
    ] as const) {
      const { details } = await expectRefusal(() => inOrder(graph(edges)), 'INVALID_PARAMETER');
      expect(details.circle).deep.equal(circle);
    }
  });

  it('refuses a dependency that is none of them', async () => {
    const { details } = await expectRefusal(() => inOrder(graph({ a: ['b'], c: [] })), 'INVALID_PARAMETER');
    expect(details).deep.include({ component: 'a', known: ['a', 'c'] });
  });
});
