/**
 * Makes build/site: the reference of everything that package.json's `exports` offers, with the guides and the pages of
 * docs/ beside it. typedoc.json has the settings. The site needs no server: build/site/index.html opens from the disk.
 *
 *   node scripts/docsSite.js            ends with 1 if there is a warning
 *   node scripts/docsSite.js --summary  counts warnings by kind and file instead of printing each
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Application, Converter, Logger, LogLevel } from 'typedoc';

/** The order in which guides and pages are read; what is not listed follows, by file name. */
const reading = [
  'getting-started',
  'choosing-a-rule',
  'trainers',
  'operating',
  'security',
  'rerunning-a-round',
  'protocol',
  'cli',
  'orchestrator',
  'resilience',
  'errors',
];

/** @type {{ name: string, exports: Record<string, string | { types: string }> }} */
const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));

/** What one imports, by its source: the target ./dist/src/x.d.ts is built from src/x.ts. */
const entries = new Map(
  Object.entries(exports)
    .filter(([, target]) => typeof target !== 'string')
    .map(([path, { types }]) => [
      types.replace(/^\.\/dist\//, '').replace(/\.d\.ts$/, '.ts'),
      path.replace(/^\./, name),
    ]),
);

class Warnings extends Logger {
  /** @type {string[]} */
  all = [];

  /**
   * @param {string} message
   * @param {LogLevel} level
   */
  log(message, level) {
    super.log(message, level);
    if (level === LogLevel.Error) console.error(message);
    // Members of a type that is inferred from a schema are described in the schema, where typedoc does not look.
    else if (level === LogLevel.Warn && !/\.__type\..* does not have any documentation/.test(message)) {
      this.all.push(message);
    }
  }

  get failed() {
    return this.hasErrors() || this.all.length > 0;
  }
}

/** Modules are named as they are imported, pages by their heading; pages stand in the order in which they are read. */
function arrange({ project }) {
  for (const child of project.children ?? []) {
    const file = project.getSymbolIdFromReflection(child)?.fileName ?? '';
    const found = [...entries].find(([source]) => file.endsWith(`/${source}`));
    if (found) child.name = found[1];
  }
  // The site's own title stands above README.md's text.
  project.readme = withoutHeading(project.readme);
  const pages = project.documents ?? [];
  const place = new Map(pages.map((page) => [page, `${rank(page.name)} ${page.name}`]));
  pages.sort((a, b) => (place.get(a) < place.get(b) ? -1 : 1));
  const [index, ...decisions] = pages.filter(({ name }) => name.startsWith('docs/decisions/')).reverse();
  for (const page of pages) {
    const heading = /^# (.*)/.exec(page.content[0]?.text)?.[1];
    if (heading === undefined) throw new Error(`${page.name}: the first line is not a heading`);
    page.name = heading.replaceAll('`', '');
  }
  for (const page of decisions.reverse()) {
    pages.splice(pages.indexOf(page), 1);
    page.parent = index;
    index.addChild(page);
  }
  project.childrenIncludingDocuments = [...pages, ...(project.children ?? [])];
}

/** @param {string} page */
function rank(page) {
  const index = reading.indexOf(basename(page));
  return String(index < 0 ? reading.length : index).padStart(3, '0');
}

function withoutHeading([first, ...rest] = []) {
  return [{ ...first, text: first.text.replace(/^# .*\n+/, '') }, ...rest];
}

/** @param {readonly string[]} messages */
function summary(messages) {
  const count = (key) => {
    const counts = new Map();
    for (const message of messages) counts.set(key(message), (counts.get(key(message)) ?? 0) + 1);
    return [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([what, number]) => `${String(number).padStart(6)}  ${what}`);
  };
  const kind = (message) =>
    /not have any documentation/.test(message)
      ? 'not documented'
      : /not included in the documentation/.test(message)
        ? 'not exported'
        : /link|path/i.test(message)
          ? 'link'
          : message;
  const file = (message) => /defined in [^/]+\/([^,\s]+)/.exec(message)?.[1] ?? '(no file)';
  return ['by kind', ...count(kind), '', 'by file', ...count(file)].join('\n');
}

const application = await Application.bootstrapWithPlugins({ entryPoints: [...entries.keys()] });
const logger = new Warnings();
application.logger = logger;
application.converter.on(Converter.EVENT_RESOLVE_BEGIN, arrange);

const project = await application.convert();
if (project) {
  application.validate(project);
  await application.generateOutputs(project);
}
const { all } = logger;
if (process.argv.includes('--summary')) console.log(summary(all));
else for (const message of all) console.error(message);
console.log(`build/site/index.html: ${all.length} warnings`);
if (logger.failed) process.exitCode = 1;
