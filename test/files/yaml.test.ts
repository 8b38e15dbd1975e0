import { expect } from 'chai';
import { parseYaml } from '../../src/files/yaml.js';
import { expectRefusal } from '../support/refusal.js';

describe('parseYaml', () => {
  const refuses = (text: string) => expectRefusal(() => parseYaml('it', text), 'MALFORMED');

  it('reads maps, lists, texts, numbers, true, false and null', () => {
    expect(parseYaml('it', 'a: [1, x, true, null]\nb: &b { c: 1e3 }\nd: *b\n')).deep.equal({
      a: [1, 'x', true, null],
      b: { c: 1000 },
      d: { c: 1000 },
    });
  });

  it('makes nothing else of a tag', () => {
    expect(parseYaml('it', 'a: !!binary aGk=\nb: !own 1')).deep.equal({ a: 'aGk=', b: '1' });
  });

  it('refuses an alias that leads into itself, or nowhere, or to more than can be', async () => {
    await refuses('a: &a { b: *a }');
    await refuses('a: *b');
    const bomb = Array.from('bcdefghij').map((name, k) => {
      const aliases = new Array(9).fill(`*${'abcdefghij'[k]}`).join();
      return `${name}: &${name} [${aliases}]`;
    });
    await refuses(['a: &a [x]', ...bomb].join('\n'));
  });

  it('refuses a name that no object can have as its own, wherever it stands', async () => {
    await refuses('a: 1\n__proto__: { b: 2 }');
    await refuses('a: [{ "__proto__": 1 }]');
  });

  it('refuses what is nested deeper than anybody reads', async () => {
    await refuses('['.repeat(65) + ']'.repeat(65));
    await refuses('['.repeat(5_000));
    parseYaml('it', '['.repeat(64) + ']'.repeat(64));
  });
});
