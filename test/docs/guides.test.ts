/** Every page of docs/guides, run from top to bottom as a reader would run it. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

interface Block {
  readonly language: string;
  readonly what: string;
  readonly code: string;
}

interface GuideRunner {
  readonly blocksOf: (text: string) => Block[];
  readonly matches: (expected: string, printed: string) => boolean;
  /** Rejects with the line of the first block that does not do what the page says. */
  readonly runGuide: (page: string) => Promise<void>;
}

const runner = new URL('../../../scripts/runGuide.js', import.meta.url);
const { blocksOf, matches, runGuide } = (await import(runner.href)) as GuideRunner;
const folder = new URL('../../../docs/guides/', import.meta.url);
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));

describe('scripts/runGuide.js', () => {
  it('finds the blocks that are to be run, hidden ones too', () => {
    const page = 'Text\n\n```js run\n1;\n```\n\n```text\n1\n```\n\n<!-- run: true -->\n';
    expect(blocksOf(page).map(({ language, what }) => `${language} ${what}`)).deep.equal([
      'js run',
      'text ',
      'sh run',
    ]);
  });

  it('lets … stand for anything, and nothing else', () => {
    expect(matches('a … c', 'a b\nb c')).equal(true);
    expect(matches('a.c', 'abc')).equal(false);
    expect(matches('a', 'a b')).equal(false);
  });
});

describe('docs/guides', function () {
  this.timeout(300_000);

  it('has pages', () => {
    expect(pages).include('getting-started.md');
  });

  for (const page of pages) {
    it(`${page} does what it says`, async () => {
      const failure = await runGuide(fileURLToPath(new URL(page, folder))).catch(String);
      expect(failure).equal(undefined);
    });
  }
});
