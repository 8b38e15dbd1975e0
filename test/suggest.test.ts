/** "Did you mean", and everything that appends it. */
import { expect } from 'chai';
import { parsePipeline, krum, parseOptimizer, QuorateError, aggregate, median } from '../src/index.js';
import { attack } from '../src/attacks/index.js';
import { joinSession, type JoinOptions } from '../src/client/index.js';
import { systemSchema } from '../src/orchestrator/plan/systemConfig.js';
import { sessionConfigSchema } from '../src/protocol/sessionConfig.js';
import { parse } from '../src/schema.js';
import { configSchema } from '../src/server/config/config.js';
import { didYouMean } from '../src/suggest.js';

/** The message that work is refused with. */
async function messageOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof QuorateError) return error.message;
    throw error;
  }
  return expect.fail('nothing was refused');
}

const known = ['median', 'trimmed-mean', 'multi-krum', 'krum'];

describe('didYouMean', () => {
  it('suggests the known name that is nearest', () => {
    for (const [name, meant] of [
      ['medain', 'median'],
      ['trimmedMean', 'trimmed-mean'],
      ['Trimmed_Mean', 'trimmed-mean'],
      ['krumm', 'krum'],
      ['multikrum', 'multi-krum'],
    ] as const) {
      expect(didYouMean(name, known)).equal(`; did you mean '${meant}'?`);
    }
  });

  it('suggests nothing where nothing is similar', () => {
    for (const name of ['', 'x', 'average', 'z'.repeat(100_000)]) expect(didYouMean(name, known)).equal('');
  });

  const session = { id: 'a', pipeline: 'mean', quorum: 1 };
  const wrong: readonly (readonly [string, string, () => unknown])[] = [
    ['a rule', 'krum', () => parsePipeline('krumm(f=1)')],
    ['a pre-aggregator', 'bucketing', () => parsePipeline('buketing(s=2) > mean')],
    ['a parameter', 'neighbors', () => krum({ f: 1, neighbours: 2 } as Parameters<typeof krum>[0])],
    ['an optimizer', 'fed-adam', () => parseOptimizer('fed-adm(eta=0.1)')],
    ['an attack', 'sign-flipping', () => attack('sign-fliping')],
    [
      'an option',
      'onNonFinite',
      () => aggregate([Float32Array.of(1)], median(), { onNonfinite: 'refuse' } as object),
    ],
    [
      'an option of a node',
      'enrollmentToken',
      () => joinSession({ enrolmentToken: 'x' } as unknown as JoinOptions),
    ],
    ['a field of a session', 'quorum', () => parse('body', sessionConfigSchema, { ...session, quorom: 2 })],
    [
      'a nested field of a session',
      'firstMs',
      () => parse('body', sessionConfigSchema, { ...session, retry: { firstMS: 2 } }),
    ],
    [
      'a value of a session',
      'gradient',
      () => parse('body', sessionConfigSchema, { ...session, updates: 'gradients' }),
    ],
    [
      'a setting of the server',
      'dataFolder',
      () => parse('the configuration', configSchema, { datafolder: 'x' }),
    ],
    [
      'a nested setting',
      'jsonBytes',
      () => parse('the configuration', configSchema, { limits: { jsonByte: 1 } }),
    ],
    ['a field of a system', 'sessions', () => parse('quorate.yaml', systemSchema, { session: [] })],
  ];
  for (const [what, meant, work] of wrong) {
    it(`is part of the refusal of ${what}`, async () => {
      expect(await messageOf(work)).include(`did you mean '${meant}'?`);
    });
  }
});
