/**
 * What each entry of package.json shows to TypeScript. Every type of this package that an entry's declarations mention
 * can be imported from that entry; none of them is internal to the core; and types of other packages come only from
 * those that the entry may expect to be installed.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { declarationsOf, type Reached } from './support/declarations.js';
import { entries } from './support/entries.js';

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** The packages whose types an entry may mention. Node's are expected where an entry only works in Node. */
const packagesOf: Readonly<Record<string, readonly string[]>> = {
  quorate: ['zod'],
  'quorate/inline': ['zod'],
  'quorate/attacks': ['zod'],
  'quorate/client': ['zod'],
  'quorate/coordinator': ['zod', '@types/node'],
  'quorate/server': ['zod', 'koa', '@types/koa', 'pino', 'ws', '@types/ws', '@types/node'],
  'quorate/orchestrator': ['zod', 'koa', '@types/koa', '@types/node'],
};

/** Folders and files of the core that no type may lead into. */
const internal =
  /^(bindings\/|src\/core\/(selectionNetwork\/|(combinePass|cooperative|distancePasses|eigen|geometry|host|memory|outlierRows|threads|tiles|tileWork)\.))/;

const name = ({ symbol, file, from }: Reached): string => `${symbol} (${file}, from ${from})`;

describe('the types of an entry', () => {
  it('are held to a list of packages for every entry', () => {
    expect(Object.keys(packagesOf)).to.have.members(entries.map(([entry]) => entry));
    const listed = new Set(Object.values(packagesOf).flat());
    const declared = Object.keys(dependencies).flatMap((each) => [each, `@types/${each}`]);
    expect([...listed].filter((each) => ![...declared, '@types/node'].includes(each))).to.deep.equal([]);
  });

  for (const [entry, file] of entries) {
    describe(entry, () => {
      const { exported, reached, packages, unresolved } = declarationsOf(file);

      it('can all be named', () => {
        expect(unresolved).to.deep.equal([]);
      });

      it('are exported from it', () => {
        const hidden = reached.filter(({ declaration, isType }) => isType && !exported.has(declaration));
        expect(hidden.map(name)).to.deep.equal([]);
      });

      it('are none of the core’s own', () => {
        const inside = reached.filter((each) => internal.test(each.file) || each.symbol === 'EngineSession');
        expect(inside.map(name)).to.deep.equal([]);
      });

      it('come from no package beyond those it needs', () => {
        const others = [...packages].filter(([each]) => !packagesOf[entry]?.includes(each));
        expect(others.map(([each, from]) => `${each}, from ${from}`)).to.deep.equal([]);
      });
    });
  }
});
