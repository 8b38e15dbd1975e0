/**
 * Counts layers (folders of code, and files directly in src/), imports between them, import cycles among files and among
 * layers, and file sizes. `--check` fails on a cycle and on a file that is too long; the lint rule quorate/layers fails
 * on an import from a later layer.
 *
 *   node scripts/structure.js [--check] [--json]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { targetOf } from './layers.js';

const FOLDERS = ['bindings', 'src', 'examples'];
const MAX_LINES = 400;

const files = FOLDERS.filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((path) => posix.join(folder, path.replaceAll('\\', '/')))
      .filter(
        (path) => path.endsWith('.ts') && !path.includes('.generated.') && !path.includes('/assembly/'),
      ),
  )
  .sort();
const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

/** The files that a file imports or exports from, types too. @type {(file: string) => string[]} */
function importsOf(file) {
  const found = ts
    .preProcessFile(texts.get(file))
    .importedFiles.map(({ fileName }) => targetOf(file, fileName));
  return [...new Set(found)].filter((target) => target !== undefined && texts.has(target));
}
const imports = new Map(files.map((file) => [file, importsOf(file)]));

/** @type {(file: string) => string} */
const layerOf = (file) => {
  const folder = posix.dirname(file);
  return folder === 'src' ? file : folder;
};

/** @type {Map<string, Set<string>>} */
const layerImports = new Map(files.map((file) => [layerOf(file), new Set()]));
for (const [file, targets] of imports) {
  for (const target of targets) {
    if (layerOf(target) !== layerOf(file)) layerImports.get(layerOf(file)).add(layerOf(target));
  }
}

/**
 * The groups of a graph in which each reaches each other, by Tarjan's algorithm.
 *
 * @param {Map<string, Iterable<string>>} graph
 * @returns {string[][]}
 */
function cycles(graph) {
  const order = new Map();
  const lowest = new Map();
  const path = [];
  const found = [];
  const visit = (node) => {
    order.set(node, order.size);
    lowest.set(node, order.get(node));
    path.push(node);
    for (const next of graph.get(node)) {
      if (!order.has(next)) visit(next);
      if (path.includes(next)) lowest.set(node, Math.min(lowest.get(node), lowest.get(next)));
    }
    if (lowest.get(node) !== order.get(node)) return;
    const group = path.splice(path.indexOf(node));
    if (group.length > 1) found.push(group.sort());
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

const source = files.filter((file) => file.startsWith('src/'));
const linesOf = (file) => texts.get(file).split('\n').length - 1;
const sizes = source.map(linesOf).sort((a, b) => a - b);
const sameName = new Map();
for (const file of source) {
  const name = posix.basename(file);
  if (name !== 'index.ts') sameName.set(name, [...(sameName.get(name) ?? []), file]);
}

const structure = {
  files: source.length,
  meanLines: Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length),
  medianLines: sizes[sizes.length >> 1],
  below40Lines: sizes.filter((size) => size < 40).length,
  namesUsedTwice: [...sameName.values()].filter((same) => same.length > 1).length,
  layers: layerImports.size,
  imports: [...layerImports.values()].reduce((sum, targets) => sum + targets.size, 0),
  fileCycles: cycles(imports),
  layerCycles: cycles(layerImports),
  tooLong: files.filter((file) => linesOf(file) > MAX_LINES),
};

if (process.argv.includes('--json')) console.log(JSON.stringify(structure, null, 2));
else {
  const { files, meanLines, medianLines, below40Lines, namesUsedTwice, layers, imports } = structure;
  console.log(
    `src: ${files} files of ${meanLines} lines in the mean, ${medianLines} in the median, ${below40Lines} below 40`,
  );
  console.log(`${namesUsedTwice} file names used twice; ${layers} layers, ${imports} imports between them`);
  for (const cycle of structure.fileCycles) console.log(`cycle of files: ${cycle.join(', ')}`);
  for (const cycle of structure.layerCycles) console.log(`cycle of layers: ${cycle.join(', ')}`);
  for (const file of structure.tooLong) console.log(`longer than ${MAX_LINES} lines: ${file}`);
}
const problems = [...structure.fileCycles, ...structure.layerCycles, ...structure.tooLong];
if (process.argv.includes('--check') && problems.length > 0) process.exitCode = 1;
