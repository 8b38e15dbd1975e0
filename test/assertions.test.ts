/** The lint rule `tests/asserts`, run through the project's own ESLint configuration on a file that does not exist. */
import { resolve } from 'node:path';
import { expect } from 'chai';
import { ESLint } from 'eslint';
import ts from 'typescript';

const filePath = resolve('test/some.test.ts');
const known = `
  declare const it: (title: string, test: () => unknown) => void;
  declare const expect: { (value: unknown): { equal(other: unknown): void }; fail(): never };
  declare const fc: { assert(property: unknown): void; property(holds: () => unknown): unknown };
  declare const work: (done?: () => unknown) => unknown;
`;

/** A program of this one file, without the language's library: types of names are all that the rule asks for. */
function programOf(text: string): ts.Program {
  const source = ts.createSourceFile(filePath, text, ts.ScriptTarget.ES2022, true);
  const options = { noLib: true, noResolve: true, types: [] };
  return ts.createProgram([filePath], options, {
    ...ts.createCompilerHost(options),
    getSourceFile: (name) => (resolve(name) === filePath ? source : undefined),
  });
}

async function complaints(test: string): Promise<string[]> {
  const text = known + test;
  const eslint = new ESLint({
    overrideConfig: {
      files: ['**/*.ts'],
      languageOptions: { parserOptions: { project: null, programs: [programOf(text)] } },
    },
    ruleFilter: ({ ruleId }) => ruleId === 'tests/asserts',
  });
  const [result] = await eslint.lintText(text, { filePath });
  return (result?.messages ?? []).map(({ message }) => message);
}

describe('the rule that a test asserts', () => {
  for (const [what, test] of [
    ['an expectation', `it('x', () => expect(work()).equal(1));`],
    ['one in a callback', `it('x', () => work(() => { expect(1).equal(1); }));`],
    ['an expected failure', `it('x', () => { if (work()) expect.fail(); });`],
    ['a property', `it('x', () => { fc.assert(fc.property(() => work())); });`],
    ['a function that expects', `function agrees() { expect(1).equal(1); } it('x', () => agrees());`],
    ['one that calls another', `const a = () => expect(1).equal(1), b = () => a(); it('x', () => b());`],
    ['a method', `const they = { agree() { expect(1).equal(1); } }; it('x', () => they.agree());`],
    ['a function by its name', `const holds = () => expect(1).equal(1); it('x', holds);`],
    ['one that is handed on', `const holds = () => expect(1).equal(1); it('x', () => work(holds));`],
  ] as const) {
    it(`sees ${what}`, async () => {
      expect(await complaints(test)).deep.equal([]);
    });
  }

  for (const [what, test] of [
    ['nothing', `it('x', () => {});`],
    ['work alone', `it('x', () => work());`],
    ['a subject without an assertion', `it('x', () => { expect(work()); });`],
    ['a function that expects nothing', `function agrees() { work(); agrees(); } it('x', () => agrees());`],
    ['an expectation outside', `expect(1).equal(1); it('x', () => work());`],
  ] as const) {
    it(`refuses ${what}`, async () => {
      expect(await complaints(test)).deep.equal(['This test asserts nothing.']);
    });
  }
});
