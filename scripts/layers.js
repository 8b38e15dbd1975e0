/**
 * The order of the layers, and the lint rule that keeps it: a file imports from its own layer and from those
 * before it, never from a later one, and never from the index that gathers the file itself.
 *
 * A new folder of src/ is one line in `layers`.
 */
import { posix, relative, sep } from 'node:path';

/**
 * From first to last; a path that ends in / is a folder. `only` narrows what a layer may import besides itself.
 *
 * @type {readonly { path: string, only?: readonly string[] }[]}
 */
export const layers = [
  { path: 'src/errors.ts' },
  { path: 'src/schema.ts' },
  { path: 'bindings/' },
  { path: 'src/core/' },
  { path: 'src/formats/' }, // safetensors, .npy, encoded vectors as they stream
  { path: 'src/rules/' },
  { path: 'src/preaggregators/' },
  { path: 'src/optimizers/' },
  { path: 'src/pipeline.ts' },
  { path: 'src/updates.ts' },
  { path: 'src/report.ts' },
  { path: 'src/plan.ts' },
  { path: 'src/run.ts' },
  { path: 'src/aggregate.ts' },
  { path: 'src/attacks/' }, // after aggregate: the optimal attacks search against the defender's own pipeline
  { path: 'src/rounds/', only: ['src/errors.ts'] }, // a pure state machine
  { path: 'src/protocol/', only: ['src/errors.ts', 'src/schema.ts'] }, // what server and client tell each other
  { path: 'src/store/' },
  { path: 'src/coordinator/' },
  { path: 'src/server/' },
  { path: 'src/client/' },
  { path: 'src/orchestrator/' },
  { path: 'src/cli/' },
  { path: 'src/library.ts' },
  { path: 'src/index.ts' },
  { path: 'src/browser.ts' },
  { path: 'src/inline.ts' },
];

/** What uses the library from outside may import anything of it. */
const layered = ['src/', 'bindings/'];

/** @type {(file: string, path: string) => boolean} */
const within = (file, path) => (path.endsWith('/') ? file.startsWith(path) : file === path);

/** @type {(file: string) => number} */
const layerOf = (file) => layers.findIndex(({ path }) => within(file, path));

/**
 * What is wrong with one import, or undefined where nothing is.
 *
 * @param {string} file the importing file, which is in a layer; from the project's root, with forward slashes
 * @param {string} specifier as written in the file
 * @returns {string | undefined}
 */
function complaint(file, specifier) {
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
  if (posix.basename(target) === 'index.ts' && file.startsWith(`${posix.dirname(target)}/`)) {
    return `${target} gathers this very file: import from where the name is defined.`;
  }

  const own = layers[layerOf(file)];
  const other = layers[layerOf(target)];
  if (!other) return `${target} is in no layer, so nothing in a layer imports it.`;
  if (layers.indexOf(other) > layers.indexOf(own)) {
    return `${other.path} comes after ${own.path} in the order of the layers.`;
  }
  if (own.only && other !== own && !own.only.includes(other.path)) {
    return `${own.path} imports nothing but ${own.only.join(', ')}.`;
  }
  return undefined;
}

/** @type {import('eslint').Rule.RuleModule} */
const rule = {
  meta: {
    type: 'problem',
    docs: { description: 'Each layer imports only from those before it.' },
    schema: [],
  },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/');
    if (!layered.some((folder) => within(file, folder))) return {};
    if (layerOf(file) === -1) {
      const message = `${file} is in no layer: give it a line in scripts/layers.js.`;
      return { Program: (node) => context.report({ node, message }) };
    }

    const check = ({ source }) => {
      const message = typeof source?.value === 'string' && complaint(file, source.value);
      if (message) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
      TSImportType: check,
    };
  },
};

/** @type {import('eslint').ESLint.Plugin} */
export const layersPlugin = { rules: { layers: rule } };
