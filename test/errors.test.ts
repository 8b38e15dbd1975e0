/** The table in src/errors.ts, what the sources throw, and docs/errors.md name the same codes. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { errorCodes, QuorateError } from '../src/errors.js';

const table = Object.keys(errorCodes);

/** Every string in the first argument of every `new QuorateError(…)` in a file; a conditional has two. */
function codesThrown(path: string): string[] {
  const codes: string[] = [];
  const strings = (node: ts.Node): void => {
    if (ts.isStringLiteral(node)) codes.push(node.text);
    else ts.forEachChild(node, strings);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'QuorateError') {
      const code = node.arguments?.[0];
      if (code && ts.isConditionalExpression(code)) [code.whenTrue, code.whenFalse].forEach(strings);
      else if (code) strings(code);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true));
  return codes;
}

/** Every code that a file has as a string: rounds answer with codes that the coordinator throws. */
function codesNamed(path: string): string[] {
  const codes: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) && table.includes(node.text)) codes.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true));
  return codes;
}

const sources = ['src', 'bindings'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts'))
    .map((file) => join(folder, file)),
);
const thrown = new Set(sources.flatMap(codesThrown));
const named = new Set(sources.flatMap(codesNamed));

/** Code → the text of its section. */
const sections = new Map(
  readFileSync('docs/errors.md', 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => {
      const [code = '', ...lines] = section.split('\n');
      return [code, lines.join('\n').replace(/\s+/g, ' ').trim()];
    }),
);

describe('error codes', () => {
  it('are all used somewhere', () => {
    expect(table.filter((code) => !named.has(code))).to.deep.equal([]);
  });

  it('are in the table wherever they are thrown', () => {
    expect([...thrown].filter((code) => !table.includes(code))).to.deep.equal([]);
  });

  it('are documented, in the order of the table, and no others are', () => {
    expect([...sections.keys()]).to.deep.equal(table);
  });

  for (const [code, meaning] of Object.entries(errorCodes)) {
    it(`${code} is documented with its meaning, a cause, and what to do`, () => {
      expect(sections.get(code)).to.match(/^(.+) \*\*Cause:\*\* .+ \*\*What to do:\*\* .+$/);
      expect(sections.get(code)?.split(' **Cause:**')[0]).to.equal(meaning);
    });
  }
});

describe('QuorateError', () => {
  it('carries its code, details and cause', () => {
    const cause = new Error('no such file');
    const error = new QuorateError('SOURCE_FAILED', 'The file cannot be read.', { path: 'rows.f32' }, cause);
    expect(error).to.be.instanceOf(Error);
    expect(error).to.include({
      name: 'QuorateError',
      code: 'SOURCE_FAILED',
      message: 'The file cannot be read.',
    });
    expect(error.details).to.deep.equal({ path: 'rows.f32' });
    expect(error.cause).to.equal(cause);
  });

  it('has no cause where none was given', () => {
    expect('cause' in new QuorateError('ABORTED', 'Given up.')).to.equal(false);
  });
});
