/**
 * Counts the house from its imports: rooms (folders of code, and files that stand alone in src/), arrows between rooms,
 * circles of files and of rooms, and the sizes of files. `--check` fails on a circle and on a file that is too long;
 * lint's rule quorate/layers fails on an import that runs upward.
 *
 *   node scripts/house.js [--check] [--json]
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
const roomOf = (file) => {
  const folder = posix.dirname(file);
  return folder === 'src' ? file : folder;
};

/** @type {Map<string, Set<string>>} */
const arrows = new Map(files.map((file) => [roomOf(file), new Set()]));
for (const [file, targets] of imports) {
  for (const target of targets) {
    if (roomOf(target) !== roomOf(file)) arrows.get(roomOf(file)).add(roomOf(target));
  }
}

/**
 * The groups of a graph in which each reaches each other, by Tarjan's algorithm.
 *
 * @param {Map<string, Iterable<string>>} graph
 * @returns {string[][]}
 */
function circles(graph) {
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

const house = {
  files: source.length,
  meanLines: Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length),
  medianLines: sizes[sizes.length >> 1],
  below40Lines: sizes.filter((size) => size < 40).length,
  namesUsedTwice: [...sameName.values()].filter((same) => same.length > 1).length,
  rooms: arrows.size,
  arrows: [...arrows.values()].reduce((sum, targets) => sum + targets.size, 0),
  circlesOfFiles: circles(imports),
  circlesOfRooms: circles(arrows),
  tooLong: files.filter((file) => linesOf(file) > MAX_LINES),
};

if (process.argv.includes('--json')) console.log(JSON.stringify(house, null, 2));
else {
  const { files, meanLines, medianLines, below40Lines, namesUsedTwice, rooms, arrows } = house;
  console.log(
    `src: ${files} files of ${meanLines} lines in the mean, ${medianLines} in the median, ${below40Lines} below 40`,
  );
  console.log(`${namesUsedTwice} file names used twice; ${rooms} rooms, ${arrows} arrows between them`);
  for (const circle of house.circlesOfFiles) console.log(`circle of files: ${circle.join(', ')}`);
  for (const circle of house.circlesOfRooms) console.log(`circle of rooms: ${circle.join(', ')}`);
  for (const file of house.tooLong) console.log(`longer than ${MAX_LINES} lines: ${file}`);
}
const problems = [...house.circlesOfFiles, ...house.circlesOfRooms, ...house.tooLong];
if (process.argv.includes('--check') && problems.length > 0) process.exitCode = 1;
