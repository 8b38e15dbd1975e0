/** docs/architecture.md names only files and layers that exist, and draws every layer. */
import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** From dist/test/docs/ up to the project. */
const project = fileURLToPath(new URL('../../../', import.meta.url));
/** The paths of the layers, in order. */
const order = [
  ...readFileSync(`${project}scripts/layers.js`, 'utf8').matchAll(/^ {2}\{ path: '([^']+)'/gm),
].map(([, path]) => path!);
const page = readFileSync(`${project}docs/architecture.md`, 'utf8');

/** 'src/core/engine.ts' and 'src/core/', wherever they stand in the text. */
const named = [...new Set(page.match(/(?<![\w/.-])(?:src|assembly|bindings|examples|scripts)\/[\w./-]*/g))];

/** The layers that the page draws, in its order. */
const drawn = [...page.matchAll(/^│ (\S+\/) /gm)].map(([, layer]) => layer!);

/** Folders of src/ that hold code. */
const folders = readdirSync(`${project}src`, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map(({ parentPath }) => `${parentPath.slice(project.length).replaceAll('\\', '/')}/`)
  .filter((folder) => folder !== 'src/');

describe('docs/architecture.md', () => {
  it('names only files and folders that exist', () => {
    expect(named.length).greaterThan(50);
    for (const path of named) expect(existsSync(project + path), path).equal(true);
  });

  it('draws every layer', () => {
    const layers = order.filter((path) => path.startsWith('src/') && path.endsWith('/'));
    expect(layers.length).greaterThan(20);
    expect(drawn).include.members(layers);
    for (const folder of folders) {
      expect(
        drawn.some((layer) => folder.startsWith(layer)),
        folder,
      ).equal(true);
    }
  });

  it('draws the layers in the order of scripts/layers.js', () => {
    const ordered = order.filter((path) => drawn.includes(path));
    expect(drawn.filter((layer) => order.includes(layer))).deep.equal(ordered);
  });
});
