import { goldenCases, goldenStage, isPreaggregator, isRule, unflatten } from '../support/golden.js';
import { expectClose } from '../support/close.js';
import { actual, type Stages } from '../support/library.js';

const relative = 1e-5;

describe('aggregate, on what ByzFL computed', () => {
  for (const golden of goldenCases) {
    const { data, n, d } = golden;
    const updates = unflatten(golden.input, d).map((row) => Float32Array.from(row));

    /** The key's stages: `arc > krum neighbors=n-f-1`, say. */
    const parse = (key: string): Stages => {
      const stages = key.split(' > ').map((stage) => goldenStage(stage, golden));
      const last = stages.pop()!;
      if (!isRule(last.name)) throw new Error(`no rule: ${key}`);
      const before = stages.map(({ name, parameters }) => {
        if (!isPreaggregator(name)) throw new Error(`no pre-aggregator: ${key}`);
        return [name, parameters] as const;
      });
      return [...before, [last.name, last.parameters]];
    };

    for (const [key, expected] of [...Object.entries(golden.rules), ...Object.entries(golden.pipelines)]) {
      it(`agrees for ${data} data, ${n} × ${d}: ${key}`, async () => {
        expectClose(await actual(updates, ...parse(key)), expected, relative);
      });
    }

    for (const [key, expected] of Object.entries(golden.preaggregators)) {
      it(`agrees for ${data} data, ${n} × ${d}: every row of ${key}`, async () => {
        const { name, parameters } = goldenStage(key, golden);
        if (!isPreaggregator(name)) throw new Error(`no pre-aggregator: ${key}`);
        const rows = unflatten(expected, d);
        for (let i = 0; i < n; i++) {
          // A mean in which only row i has a weight shows that row.
          const weights = rows.map((_, j) => (j === i ? 1 : 0));
          const row = await actual(updates, [name, parameters], ['mean', { weights }]);
          expectClose(row, rows[i]!, relative, `row ${i}`);
        }
      });
    }
  }
});
