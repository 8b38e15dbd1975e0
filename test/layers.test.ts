/** The lint rule `quorate/layers`, run through the project's own ESLint configuration on files that do not exist. */
import { expect } from 'chai';
import { ESLint } from 'eslint';

const eslint = new ESLint({
  // Without types: the files are not part of the program, and this one rule needs none.
  overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { project: null } } },
  ruleFilter: ({ ruleId }) => ruleId === 'quorate/layers',
});

async function complaints(filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath });
  return (result?.messages ?? []).map(({ message }) => message);
}

describe('the order of the layers', () => {
  const allowed: [file: string, specifier: string][] = [
    ['bindings/node.ts', '../src/errors.js'],
    ['bindings/node.ts', './abi.js'],
    ['src/core/engine.ts', '../../bindings/abi.js'],
    ['src/core/engine.ts', './memory.js'],
    ['src/rules/krum.ts', '../core/engine.js'],
    ['src/preaggregators/nnm.ts', '../rules/rule.js'],
    ['src/attacks/optimal.ts', '../aggregation/aggregate.js'],
    ['src/coordinator/sessions.ts', '../rounds/machine.js'],
    ['src/coordinator/sessions.ts', './session/session.js'],
    ['src/cli/commands/demo.ts', '../../../examples/demo.js'],
    ['src/rounds/round.ts', '../errors.js'],
    ['src/rounds/round.ts', './quorum.js'],
    ['src/protocol/sessionConfig.ts', '../schema.js'],
    ['src/index.ts', './attacks/index.js'],
    ['src/inline.ts', './browser.js'],
    ['src/core/engine.ts', 'node:worker_threads'],
    ['examples/demo.ts', '../src/index.js'],
    ['test/core/engine.test.ts', '../../src/core/engine.js'],
  ];
  for (const [file, specifier] of allowed) {
    it(`lets ${file} import ${specifier}`, async () => {
      expect(await complaints(file, `import { x } from '${specifier}'; x();`)).to.deep.equal([]);
    });
  }

  const refused: [file: string, specifier: string, because: string][] = [
    ['src/errors.ts', './core/memory.js', 'src/core/ comes after src/errors.ts'],
    ['bindings/node.ts', '../src/core/memory.js', 'src/core/ comes after bindings/'],
    ['src/core/engine.ts', '../rules/krum.js', 'src/rules/ comes after src/core/'],
    ['src/rules/krum.ts', '../preaggregators/nnm.js', 'src/preaggregators/ comes after src/rules/'],
    ['src/rules/krum.ts', '../aggregation/aggregate.js', 'src/aggregation/ comes after src/rules/'],
    [
      'src/core/selectionNetwork/selectionModule.ts',
      '../tiles.js',
      'src/core/ comes after src/core/selectionNetwork/',
    ],
    ['src/coordinator/session/session.ts', '../sessions.js', 'src/coordinator/ comes after'],
    ['src/coordinator/sessions.ts', '../rounds/state.js', 'Only src/rounds/machine.ts is for other layers'],
    ['examples/demo.ts', '../src/cli/quorate.js', 'src/cli/ comes after examples/'],
    ['src/aggregation/aggregate.ts', '../attacks/mimic.js', 'src/attacks/ comes after src/aggregation/'],
    ['src/attacks/mimic.ts', './index.js', 'src/attacks/index.ts gathers this very file'],
    ['src/rules/krum.ts', '../index.js', 'src/index.ts gathers this very file'],
    ['src/attacks/deep/optimal.ts', '../index.js', 'src/attacks/index.ts gathers this very file'],
    ['src/rounds/round.ts', '../core/memory.js', 'src/rounds/ imports nothing but src/errors.ts'],
    [
      'src/protocol/session.ts',
      '../core/memory.js',
      'src/protocol/ imports nothing but src/errors.ts, src/schema.ts',
    ],
    ['src/core/engine.ts', '../../test/support/random.js', 'test/support/random.ts is in no layer'],
  ];
  for (const [file, specifier, because] of refused) {
    it(`keeps ${file} from importing ${specifier}`, async () => {
      const [message, ...rest] = await complaints(file, `import { x } from '${specifier}'; x();`);
      expect(message).to.include(because);
      expect(rest).to.deep.equal([]);
    });
  }

  it('sees every form of an import', async () => {
    for (const text of [
      `import '../rules/krum.js';`,
      `import type { Krum } from '../rules/krum.js';`,
      `export { krum } from '../rules/krum.js';`,
      `export * from '../rules/krum.js';`,
      `await import('../rules/krum.js');`,
      `export type Krum = import('../rules/krum.js').Krum;`,
    ]) {
      expect(await complaints('src/core/engine.ts', text), text).to.have.length(1);
    }
  });

  it('sees the modules that a file names without importing them', async () => {
    for (const text of [
      `new URL('../rules/krum.js', import.meta.url);`,
      'new URL(`../rules/krum.js`, import.meta.url);',
      `new Worker('../rules/krum.js');`,
      `fork('../rules/krum.js');`,
    ]) {
      expect(await complaints('src/core/engine.ts', text), text).to.have.length(1);
    }
  });

  it('refuses a computed path beside import.meta.url, which it could not follow', async () => {
    const [message] = await complaints(
      'src/core/engine.ts',
      'const name = `krum`; new URL(`../rules/${name}.js`, import.meta.url);',
    );
    expect(message).to.include('Write the path out');
  });

  it('refuses a file that is in no layer', async () => {
    const [message] = await complaints('src/misplaced/file.ts', 'export const x = 1;');
    expect(message).to.include('in no layer');
  });
});
