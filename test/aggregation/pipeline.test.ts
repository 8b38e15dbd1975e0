import { expect } from 'chai';
import fc from 'fast-check';
import { QuorateError } from '../../src/errors.js';
import {
  aggregate,
  centeredClipping,
  mean,
  nnm,
  parsePipeline,
  pipeline,
  pipelineText,
  rules,
  signVote,
  trimmedMean,
} from '../../src/index.js';
import * as preaggregatorRegistry from '../../src/preaggregators/registry.js';
import * as ruleRegistry from '../../src/rules/registry.js';
import { preaggregators, rules as rulesByName } from '../support/library.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';
import { sampleParameters } from '../support/samples.js';

/** For what the compiler would refuse, so that the check at run time can be seen to do so too. */
const wrong = (value: unknown): never => value as never;

const runs = { seed: 20_260_101, numRuns: 500 };

/** A parameter of each kind, written out. */
const written = [
  'sign-vote(step=-0.125)',
  'krum(f=2, neighbors=3)',
  'monna(f=2, pivot=7)',
  'geometric-median(tolerance=0, maxIterations=17)',
  'centered-clipping(tau=1e+30, iterations=3)',
  'bucketing(s=2, seed=4294967295) > median',
  'clipping(c=0.1) > mean',
  'clipping(c=3) > bucketing(s=2, seed=1) > nnm(f=2) > trimmed-mean(f=2)',
];

describe('parsePipeline', () => {
  it('reads what pipelineText prints, for every rule and pre-aggregator', () => {
    for (const factory of [...Object.values(rulesByName), ...Object.values(preaggregators)]) {
      const stage = factory.from(sampleParameters(factory, 2));
      const whole = stage.stage === 'rule' ? pipeline(stage) : pipeline(stage, trimmedMean({ f: 2 }));
      const text = pipelineText(whole);
      expect(text.startsWith(stage.name)).equal(true);
      expect(pipelineText(parsePipeline(text))).equal(text);
    }
    for (const text of written) expect(pipelineText(parsePipeline(text))).equal(text);
  });

  it('reads every number as it was printed', () => {
    const numbers = fc.double({ noNaN: true, min: -3.4e38, max: 3.4e38 });
    fc.assert(
      fc.property(numbers, (step) => {
        const { rule } = parsePipeline(pipelineText(pipeline(signVote({ step }))));
        expect(Object.is(rule.parameters.step, step)).equal(true);
      }),
      runs,
    );
  });

  it('makes what the factories make', async () => {
    const updates = normalRows(9, 5, 1);
    const made = await aggregate(updates, pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 })));
    const parsed = await aggregate(updates, parsePipeline('nnm(f=2) > trimmed-mean(f=2)'));
    expect(parsed.value).deep.equal(made.value);
    expect(parsed.report.pipeline).equal(made.report.pipeline);
  });

  it('takes white space anywhere, empty parentheses, and parameters in any order', () => {
    const text = ' \n nnm ( f = 2 )>krum\t(neighbors=3 ,f= 2)\r\n';
    expect(pipelineText(parsePipeline(text))).equal('nnm(f=2) > krum(f=2, neighbors=3)');
    expect(pipelineText(parsePipeline('median()'))).equal('median');
    expect(parsePipeline('geometric-median').rule.parameters).include({ tolerance: 1e-9 });
  });

  it('refuses names that there are not, and names in the other role', async () => {
    for (const [text, name] of [
      ['kurm(f=1)', 'kurm'],
      ['Krum(f=1)', 'Krum'],
      ['toString', 'toString'],
      ['constructor()', 'constructor'],
      ['nnm(f=1) > nnm(f=1)', 'nnm'],
      ['nnm(f=1)', 'nnm'],
      ['median > krum(f=1)', 'median'],
      ['foo > krum(f=1)', 'foo'],
    ]) {
      const { details, message } = await expectRefusal(() => parsePipeline(text!), 'UNKNOWN_RULE');
      expect(details.rule, text).equal(name);
      expect(message).include(name);
    }
  });

  it('refuses parameters that a stage does not have, or not with this value', async () => {
    for (const text of ['krum(F=1)', 'krum(__proto__=1)', 'nnm(f=1, s=2) > median', 'median(f=0)']) {
      await expectRefusal(() => parsePipeline(text), 'UNKNOWN_PARAMETER');
    }
    for (const text of [
      'krum',
      'krum(f=-1)',
      'krum(f=1.5)',
      'krum(f=true)',
      'krum(f="1")',
      'krum(f=1e999)',
      'bucketing(s=2) > mean',
    ]) {
      const { details } = await expectRefusal(() => parsePipeline(text), 'INVALID_PARAMETER');
      expect(details.parameter, text).be.a('string');
    }
  });

  it('refuses what is no text of a pipeline, saying where', async () => {
    const refused: [text: string, position: number][] = [
      ['', 0],
      ['   ', 3],
      ['>', 0],
      ['krum(f=1) >', 11],
      ['krum(f=1) median', 10],
      ['krum(f=1)) ', 9],
      ['krum(f=1', 8],
      ['krum(f=1,)', 9],
      ['krum(f=1 neighbors=3)', 9],
      ['krum(f)', 6],
      ['krum(f=)', 7],
      ['krum(=1)', 5],
      ['krum(f=01)', 8],
      ['krum(f=+1)', 7],
      ['krum(f=.5)', 7],
      ['krum(f=0x10)', 8],
      ['krum(f=NaN)', 7],
      ['krum(f=Infinity)', 7],
      ['krum(f=null)', 7],
      ['krum(f={})', 7],
      ['krum(f=1, f=1)', 10],
      ['krum(__proto__=1, __proto__=2)', 18],
      ['krum(f="1)', 7],
      ['krum(f="\\x")', 7],
      ['krum(f="\n")', 7],
      ['mean(weights=[1, 2])', 13],
      ['3krum', 0],
      ['krum[f=1]', 4],
      ['krum(f=1);median', 9],
      ['krum(f=1) > médian', 13],
    ];
    for (const [text, position] of refused) {
      const { details } = await expectRefusal(() => parsePipeline(text), 'INVALID_PARAMETER');
      expect(details.position, text).equal(position);
    }
    await expectRefusal(() => parsePipeline(wrong(5)), 'BAD_TYPE');
    await expectRefusal(() => parsePipeline(wrong(undefined)), 'BAD_TYPE');
  });

  it('refuses a pipeline with a vector, of which only the length was printed', async () => {
    for (const rule of [
      mean({ weights: [1, 2] }),
      centeredClipping({ tau: 1, previous: new Float32Array(2) }),
    ]) {
      const text = pipelineText(pipeline(rule));
      const { message } = await expectRefusal(() => parsePipeline(text), 'INVALID_PARAMETER');
      expect(message).include('vector');
    }
  });

  it('refuses texts of any length in a moment', async () => {
    const times = 3_000_000;
    for (const text of ['"', '\\a', 'nnm>', 'krum(', ' ', '1']) {
      await expectRefusal(() => parsePipeline(`krum(f="${text.repeat(times)}")`), 'INVALID_PARAMETER');
      await expectRefusal(() => parsePipeline(text.repeat(times)), 'INVALID_PARAMETER');
      // The longest that is read.
      await expectRefusal(() => parsePipeline(`krum(f="${text.repeat(2000)}")`), 'INVALID_PARAMETER');
    }
  });

  it('reads or refuses any text, and never fails otherwise', () => {
    const pieces = fc.constantFrom(
      ...[
        'krum',
        'nnm',
        'mean',
        '(',
        ')',
        '=',
        ',',
        '>',
        'f',
        '1',
        '-',
        '2.5',
        '"',
        '\\',
        '[',
        'true',
        ' ',
        'é',
      ],
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces).map((some) => some.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const parsed = pipelineText(parsePipeline(text));
          expect(pipelineText(parsePipeline(parsed))).equal(parsed);
        } catch (error) {
          if (!(error instanceof QuorateError)) throw error;
          expect(error.code).oneOf(['INVALID_PARAMETER', 'UNKNOWN_PARAMETER', 'UNKNOWN_RULE']);
        }
      }),
      { ...runs, numRuns: 5000 },
    );
  });
});

describe('aggregate', () => {
  it('takes a pipeline as text, with options after it', async () => {
    const updates = normalRows(9, 5, 2);
    const { report } = await aggregate(updates, 'nnm(f=2) > trimmed-mean(f=2)');
    expect(report.pipeline).equal('nnm(f=2) > trimmed-mean(f=2)');
    const brief = await aggregate(updates, 'krum(f=2)', undefined, { report: 'brief' });
    expect(brief.report.pipeline).equal('krum(f=2)');
  });

  it('takes no text beside a parameters object', async () => {
    await expectRefusal(() => aggregate(normalRows(9, 5, 2), 'krum(f=2)', {}), 'UNKNOWN_RULE');
  });
});

describe('rules', () => {
  it('lists every rule, then every pre-aggregator, by the name of its export in kebab-case', () => {
    const exported = [ruleRegistry, preaggregatorRegistry].flatMap((registry) =>
      Object.keys(registry).map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
    );
    expect(rules().map(({ name }) => name)).deep.equal(exported);
  });
});
