/** What an editor shows: every export of every entry is documented, and so is every public member of its types. */
import { expect } from 'chai';
import ts from 'typescript';
import { declarationsOf, type Exported } from './support/declarations.js';
import { entries } from './support/entries.js';

/** The text of the documentation of a declaration; that of `const x` stands on its statement. */
function documentation(declaration: ts.Node): string {
  return ts
    .getJSDocCommentsAndTags(declaration)
    .filter(ts.isJSDoc)
    .map(({ comment, tags }) => `${ts.getTextOfJSDocComment(comment) ?? ''}${tags?.length ? ' ' : ''}`)
    .join('');
}

const isPrivate = (member: ts.Declaration): boolean =>
  (ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;

/** The members of an interface or class that an editor shows by themselves. */
function membersOf(declaration: ts.Declaration): readonly (ts.ClassElement | ts.TypeElement)[] {
  if (!ts.isInterfaceDeclaration(declaration) && !ts.isClassDeclaration(declaration)) return [];
  const members: readonly (ts.ClassElement | ts.TypeElement)[] = declaration.members;
  return members.filter((member) => !isPrivate(member) && !ts.isIndexSignatureDeclaration(member));
}

function undocumented({ name, declarations }: Exported): string[] {
  // Of overloads and merged declarations, one is enough.
  const own = declarations.some((each) => documentation(each).trim() !== '') ? [] : [name];
  const members = new Map<string, boolean>();
  for (const member of declarations.flatMap(membersOf)) {
    const key = `${name}.${member.name?.getText() ?? ts.SyntaxKind[member.kind]}`;
    members.set(key, members.get(key) === true || documentation(member) !== '');
  }
  return [...own, ...[...members].filter(([, isDocumented]) => !isDocumented).map(([key]) => key)];
}

describe('the documentation of an entry', () => {
  for (const [entry, file] of entries) {
    it(`covers every export of ${entry}, and every member`, () => {
      const exports = declarationsOf(file).exports.filter(({ declarations }) => declarations.length > 0);
      expect(exports).not.to.deep.equal([]);
      expect(exports.flatMap(undocumented)).to.deep.equal([]);
    });
  }
});
