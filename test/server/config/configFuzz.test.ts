/** Configurations of any kind are taken or refused with a code, and what is taken can be printed and read again. */
import { expect } from 'chai';
import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { QuorateError } from '../../../src/errors.js';
import { configSchema, type ServerConfig } from '../../../src/server/config/config.js';
import { loadConfig, printConfig, settings } from '../../../src/server/config/loadConfig.js';
import { damaged, fuzz, fuzzTimeoutMs, oddJson, oddly, oddValue } from '../../support/fuzzing.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { validRequests } from '../requests.js';

const RUNS = 150;

const session = validRequests.find(({ target }) => target === '/v1/sessions')!.body;
const valid = { ...configSchema.parse({ dataFolder: 'data' }), sessions: [session] };

/** JSON where it is nested deeper than the printer goes: that is YAML too. */
function asYaml(value: unknown): string {
  try {
    return stringify(value);
  } catch {
    return JSON.stringify(value);
  }
}

describe('loadConfig, of anything', function () {
  this.timeout(fuzzTimeoutMs(RUNS));
  const file = join(temporaryFolder(), 'quorate.yaml');

  async function expectAnswer(load: () => Promise<ServerConfig>): Promise<void> {
    let config: ServerConfig;
    try {
      config = await load();
    } catch (error) {
      if (!(error instanceof QuorateError)) throw error;
      expect(error.code).oneOf(['MALFORMED', 'INVALID_PARAMETER', 'UNKNOWN_PARAMETER']);
      expect(error.message.length).lessThan(20_000);
      return;
    }
    const hidden = { ...config, auth: { ...config.auth, adminToken: null, enrollmentToken: null } };
    writeFileSync(file, printConfig(hidden));
    expect(await loadConfig({ file })).deep.equal(hidden);
  }

  const fileOf = (bytes: string | Uint8Array) => {
    writeFileSync(file, bytes);
    return loadConfig({ file });
  };

  it('takes or refuses a file', async () => {
    const text = Buffer.from(stringify(valid));
    const bytes = fc.oneof(
      damaged(text),
      oddJson(valid),
      oddly(valid).map(asYaml),
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...Array.from('&*a:[]{}|>-?!%@`"\'#,\n \t')) }),
    );
    expect(parse(text.toString())).deep.equal(valid);
    await fc.assert(
      fc.asyncProperty(bytes, (given) => expectAnswer(() => fileOf(given))),
      fuzz(2 * RUNS),
    );
  });

  it('takes or refuses variables and flags', async () => {
    const text = fc.oneof(
      oddValue.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))),
      oddJson([session]),
      fc.constantFrom(
        '&a [*a]',
        '*a',
        '[',
        '{a',
        '! x',
        '1e999',
        '0x1F',
        '.nan',
        '.inf',
        '- - -',
        '? x',
        'null',
      ),
      fc.string(),
    );
    const setting = fc.constantFrom(...settings);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(setting, text), { maxLength: 4 }),
        fc.array(fc.tuple(setting, fc.oneof(text, oddValue)), { maxLength: 4 }),
        (variables, flags) =>
          expectAnswer(() =>
            loadConfig({
              environment: Object.fromEntries(variables.map(([{ variable }, value]) => [variable, value])),
              flags: Object.fromEntries(flags.map(([{ path }, value]) => [path, value])),
            }),
          ),
      ),
      fuzz(RUNS),
    );
  });
});
