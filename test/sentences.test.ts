/** No entrance that a schema checks answers with the validator's own words or dumps: each wrong input gets a sentence. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { attack } from '../src/attacks/index.js';
import {
  centeredClipping,
  geometricMedian,
  krum,
  parseOptimizer,
  parsePipeline,
  QuorateError,
} from '../src/index.js';
import { systemSchema } from '../src/orchestrator/plan/systemConfig.js';
import { sessionConfigSchema, updateFactsSchema } from '../src/protocol/sessionConfig.js';
import { evaluationSchema } from '../src/protocol/views.js';
import { parse } from '../src/schema.js';
import { configSchema } from '../src/server/config/config.js';
import { run } from './cli/command.js';
import { openStage, type Stage } from './client/stage.js';
import { temporaryFolder } from './support/temporaryFolder.js';

/** What a validator says to programmers. */
const dump =
  /Invalid (input|option|key|union)|invalid_\w+|Too (small|big)|expected \w+, received|[[{]\s*"|\[object|ZodError|undefined/;

const odd: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  1.5,
  'x',
  '',
  true,
  [],
  [{}],
  {},
  { x: { y: 1 } },
  1e300,
];

/** Every refusal that the inputs get. */
function refusalsOf(work: (input: unknown) => unknown, inputs = odd): string[] {
  return inputs.flatMap((input) => {
    try {
      work(input);
      return [];
    } catch (error) {
      if (error instanceof QuorateError) return [error.message];
      throw error;
    }
  });
}

const schemas = { sessionConfigSchema, updateFactsSchema, evaluationSchema, configSchema, systemSchema };

describe('a refusal of wrong input', () => {
  for (const [name, schema] of Object.entries(schemas)) {
    it(`is a sentence, by ${name}, for the whole and each of its fields`, () => {
      const fields = Object.keys(schema.shape);
      const valid = name === 'sessionConfigSchema' ? { id: 'a', pipeline: 'mean', quorum: 1 } : {};
      const messages = [
        ...refusalsOf((input) => parse('the input', schema, input)),
        ...fields.flatMap((field) =>
          refusalsOf((input) => parse('the input', schema, { ...valid, [field]: input })),
        ),
      ];
      expect(messages).not.deep.equal([]);
      expect(messages.filter((message) => dump.test(message))).deep.equal([]);
    });
  }

  it('is a sentence, by rules, optimizers and attacks, in code and as text', () => {
    const messages = [
      ...refusalsOf((input) => krum(input as { f: number })),
      ...refusalsOf((f) => krum({ f } as { f: number })),
      ...refusalsOf((nu) => geometricMedian({ nu } as object)),
      ...refusalsOf((start) => centeredClipping({ tau: 1, previous: start } as unknown as { tau: number })),
      ...refusalsOf((scale) => attack('sign-flipping', { scale })),
      ...refusalsOf(
        (text) => parsePipeline(String(text)),
        ['krum', 'krum(f=-1)', 'krum(f=x)', 'krum(f=1.5)'],
      ),
      ...refusalsOf((text) => parseOptimizer(String(text)), ['fed-adam(eta=-1)', 'fed-adam(eta=x)']),
    ];
    expect(messages).not.deep.equal([]);
    expect(messages.filter((message) => dump.test(message))).deep.equal([]);
  });

  describe('over HTTP', () => {
    let stage: Stage;
    beforeEach(async () => {
      stage = await openStage();
    });
    afterEach(() => stage.close());

    const details = async (path: string, method: string, body?: unknown): Promise<string[]> => {
      const response = await fetch(`${stage.url}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return response.ok ? [] : [((await response.json()) as { detail: string }).detail];
    };

    it('is a sentence, in bodies and queries', async () => {
      const found: string[] = [];
      const inputs = odd.filter((input) => input !== undefined);
      for (const input of inputs) {
        found.push(...(await details('/v1/nodes', 'POST', input)));
        found.push(
          ...(await details('/v1/nodes', 'POST', { id: input, capabilities: input, sessions: input })),
        );
        found.push(...(await details('/v1/sessions', 'POST', input)));
        found.push(...(await details('/v1/sessions', 'POST', { id: 'a', pipeline: 'mean', quorum: input })));
      }
      for (const query of ['n=x', 'n=-1', 'n=1&rule=', 'rule=mean&onNonFinite=exclud', 'rul=mean']) {
        found.push(...(await details(`/v1/aggregate?${query}`, 'POST', {})));
      }
      found.push(...(await details('/v1/sessions/a/rounds?from=x', 'GET')));
      expect(found).length.greaterThan(20);
      expect(found.filter((message) => dump.test(message))).deep.equal([]);
    });
  });

  it('is a sentence, by the command line and its files', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'wrong.yaml');
    await writeFile(file, 'listen: { port: many }\nlimits: 5\nserver: []\nnodes: { a: 1 }\n');
    const outputs = await Promise.all([
      run(['config', '--config', file]),
      run(['up', file]),
      run(['rules', 'krumm']),
    ]);
    for (const { code, err } of outputs) {
      expect(code).not.equal(0);
      expect(err).match(/^quorate: [A-Z_]+: /m);
      expect(err).not.match(dump);
    }
  });
});
