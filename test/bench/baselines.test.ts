import { expect } from 'chai';
import { javaScriptRules } from '../../bench/baselines/javascript.js';
import { makeCase, planFor, ruleNames } from '../../bench/cases.js';
import { attackersAmong, seededUpdates } from '../../bench/updates.js';

const n = 15;
const d = 40;
const rows = seededUpdates(n, d, 7);
const defaults = { f: 0, tau: 1, iterations: 1, nu: 1e-6, tolerance: 1e-6, maxIterations: 1000 };

function baseline(rule: string): Float32Array {
  const out = new Float32Array(d);
  javaScriptRules.get(rule)?.(rows, { ...defaults, ...makeCase(rule, n, d).parameters }, out);
  return out;
}

describe('seededUpdates', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(seededUpdates(n, d, 7)).deep.equal(rows);
    expect(seededUpdates(n, d, 8)).not.deep.equal(rows);
  });

  it('puts the attackers last, on the other side', () => {
    const dot = (a: Float32Array, b: Float32Array): number =>
      a.reduce((sum, x, k) => sum + x * (b[k] ?? 0), 0);
    const against = rows.map((row) => dot(row, rows[0] ?? row) < 0);
    expect(against.filter(Boolean)).lengthOf(attackersAmong(n));
    expect(against.at(-1)).equal(true);
  });
});

describe('the plain JavaScript rules', () => {
  const column = (k: number): number[] => rows.map((row) => row[k] ?? NaN).sort((a, b) => a - b);

  it('take the middle value for the median', () => {
    expect([...baseline('median')]).deep.equal(Array.from({ length: d }, (_, k) => column(k)[7]));
  });

  it('leave out a fifth at both ends for the trimmed mean', () => {
    const [first] = baseline('trimmed-mean');
    const kept = column(0).slice(3, 12);
    expect(first).closeTo(kept.reduce((sum, value) => sum + value, 0) / 9, 1e-6);
  });

  it('choose an honest row with krum', () => {
    const chosen = rows.findIndex((row) => row.every((value, k) => value === baseline('krum')[k]));
    expect(chosen).within(0, n - attackersAmong(n) - 1);
  });

  it('are closer to the honest mean than the mean of all', () => {
    const honest = rows.slice(0, n - attackersAmong(n));
    const center = Array.from(
      { length: d },
      (_, k) => honest.reduce((sum, row) => sum + (row[k] ?? 0), 0) / honest.length,
    );
    const away = (values: Float32Array): number =>
      Math.sqrt(center.reduce((sum, value, k) => sum + (value - (values[k] ?? 0)) ** 2, 0));
    // Bulyan averages three values a column here, and so is noisy, however robust.
    const robust = [...javaScriptRules.keys()].filter(
      (rule) => !['mean', 'sign-vote', 'distances', 'krum', 'bulyan', 'centered-clipping'].includes(rule),
    );
    expect(robust).lengthOf(10);
    for (const rule of robust) expect(away(baseline(rule)), rule).below(away(baseline('mean')));
  });
});

describe('the plans', () => {
  it('have every rule at every shape in full', () => {
    expect(planFor(false)).lengthOf(ruleNames.length * 8);
  });

  it('are in order of shape, so that data is made once', () => {
    const shapes = planFor(false).map((one) => `${one.n} × ${one.d}`);
    expect(shapes.filter((shape, i) => shape !== shapes[i - 1])).lengthOf(8);
  });

  it('give each rule an f that it can bear', () => {
    for (const { rule, n: updates, parameters } of planFor(false)) {
      const f = parameters.f;
      if (f === undefined) continue;
      expect(updates, rule).least(rule === 'bulyan' ? 4 * f + 3 : 2 * f + 3);
    }
  });

  it('are quick where they say so, and still have the cases of the targets', () => {
    const quick = planFor(true).map((one) => `${one.rule} ${one.n} × ${one.d}`);
    expect(quick).include.members(['median 100 × 1000000', 'distances 50 × 100000', 'krum 20 × 1000000']);
    expect(quick.length).below(30);
  });

  it('keep to one rule when asked, in a quick run too', () => {
    expect(planFor(false, 'caf')).lengthOf(8);
    for (const rule of ruleNames) {
      const plan = planFor(true, rule);
      expect(plan, rule).not.empty;
      expect(plan.filter((one) => one.rule !== rule)).empty;
    }
  });
});
