/** POST /v1/aggregate with any rule, parameters, sizes and values: an aggregate of finite numbers, or a refusal that says why. */
import { expect } from 'chai';
import fc from 'fast-check';
import { rules } from '../../../src/aggregation/pipeline.js';
import { fuzz, fuzzTimeoutMs } from '../../support/fuzzing.js';
import { closeAll, type Fixture, FLAT, start } from '../fixture.js';

const RUNS = 60;

const parameterValue = fc.oneof(
  { weight: 12, arbitrary: fc.nat(3).map(String) },
  fc.constantFrom('-1', '0.5', '1e-300', '1e308', '1e39', '-0', 'true', '"x"', '1e999', '9007199254740993'),
  fc.double({ min: 0, max: 2, noNaN: true }).map(String),
);
const stage = fc
  .constantFrom(...rules())
  .chain(({ name, parameters }) =>
    fc
      .tuple(
        ...parameters.map(({ name: key }) => fc.option(parameterValue.map((value) => `${key}=${value}`))),
      )
      .map((given) => `${name}(${given.filter((one) => one !== null).join(', ')})`),
  );
/** Mostly in order, pre-aggregators first. */
const ordered = (kind: 'pre-aggregator' | 'rule') =>
  stage.filter((text) => {
    const found = rules().find(({ name }) => text.startsWith(`${name}(`));
    return (found?.kind === 'pre-aggregator') === (kind === 'pre-aggregator');
  });
const pipeline = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.array(ordered('pre-aggregator'), { maxLength: 2 }), ordered('rule')) },
  { weight: 1, arbitrary: fc.tuple(fc.array(stage, { maxLength: 3 }), stage) },
);
const value = fc.oneof(
  { weight: 4, arbitrary: fc.float({ min: -2, max: 2, noNaN: true }) },
  { weight: 1, arbitrary: fc.float() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, -0, Math.fround(3.4e38), Math.fround(-3.4e38), Math.fround(1e-45), 1),
  },
);

describe('POST /v1/aggregate, of anything', function () {
  this.timeout(fuzzTimeoutMs(RUNS));
  let fixture: Fixture;
  beforeEach(async () => (fixture = await start()));
  afterEach(closeAll);

  it('aggregates or refuses', async () => {
    let aggregated = 0;
    await fc.assert(
      fc.asyncProperty(
        pipeline,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(value, { minLength: 1, maxLength: 480 }),
        fc.constantFrom('refuse', 'exclude'),
        fc.constantFrom(0, 0, 0, 0, 1, -3),
        async ([before, rule], n, d, values, onNonFinite, extraBytes) => {
          const text = encodeURIComponent([...before, rule].join(' > '));
          const rows = Float32Array.from({ length: n * d }, (_, k) => values[k % values.length]!);
          const body = new Uint8Array(Math.max(0, rows.byteLength + extraBytes));
          body.set(new Uint8Array(rows.buffer).subarray(0, body.length));
          const path = `/v1/aggregate?rule=${text}&n=${n}&onNonFinite=${onNonFinite}`;
          const answer = await fixture.call('POST', path, { headers: FLAT, body });
          if (answer.status !== 200) {
            expect(answer.status, answer.text).within(400, 499);
            return;
          }
          aggregated++;
          expect(answer.bytes.length).equal(d * 4);
          expect(new Float32Array(answer.bytes.slice().buffer).every(Number.isFinite)).equal(true);
        },
      ),
      fuzz(2 * RUNS),
    );
    // It is not all refused.
    expect(aggregated).greaterThan(5);
  });
});
