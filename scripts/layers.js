/**
 * The order of the layers, and the lint rule that keeps it. A file imports from its own layer and from those before it,
 * never from a later one, and never from the index that gathers the file itself. The same holds for the modules that it
 * names in `new URL(…, import.meta.url)`, `import()`, `new Worker()` and `fork()`.
 *
 * A new folder of src/ is one line in `layers`.
 */
import { posix, relative, sep } from 'node:path';

/**
 * From first to last; a path that ends in / is a folder, and the most particular path counts. `only` narrows what a
 * layer may import besides itself. `facade` is the one file of a layer that others may import.
 *
 * @type {readonly { path: string, only?: readonly string[], facade?: string }[]}
 */
export const layers = [
  { path: 'src/errors.ts' },
  { path: 'src/suggest.ts' },
  { path: 'src/schema.ts' },
  { path: 'src/manifest.ts' },
  { path: 'bindings/' },
  { path: 'src/files/' }, // whole reads, atomic writes, locks, YAML
  { path: 'src/core/selectionNetwork/' },
  { path: 'src/core/' },
  { path: 'src/formats/' }, // safetensors, .npy, encoded vectors as they stream
  { path: 'src/rules/' },
  { path: 'src/preaggregators/' },
  { path: 'src/optimizers/' },
  { path: 'src/aggregation/' },
  { path: 'src/attacks/' }, // after aggregation: the optimal attacks search against the defender's own pipeline
  { path: 'src/rounds/', only: ['src/errors.ts'], facade: 'src/rounds/machine.ts' }, // a pure state machine
  { path: 'src/protocol/', only: ['src/errors.ts', 'src/schema.ts'] }, // the schemas that server and clients share
  { path: 'src/store/' },
  { path: 'src/store/memory/' },
  { path: 'src/store/disk/' },
  { path: 'src/coordinator/session/' }, // from rounds to models
  { path: 'src/coordinator/ingest/' }, // an update's way in
  { path: 'src/coordinator/' },
  { path: 'src/server/config/' },
  { path: 'src/server/bodies/' },
  { path: 'src/server/auth/' },
  { path: 'src/server/http/' },
  { path: 'src/server/docs/' },
  { path: 'src/server/routes/' },
  { path: 'src/server/sockets/' },
  { path: 'src/server/' },
  { path: 'src/client/' },
  { path: 'src/orchestrator/supervise/' }, // pure: the states of components, and what follows from them
  { path: 'src/orchestrator/plan/' },
  { path: 'src/orchestrator/processes/' },
  { path: 'src/orchestrator/' },
  { path: 'src/library.ts' },
  { path: 'src/index.ts' },
  { path: 'src/browser.ts' },
  { path: 'src/inline.ts' },
  { path: 'examples/' },
  { path: 'src/cli/' },
];

/** @type {(file: string, path: string) => boolean} */
const within = (file, path) => (path.endsWith('/') ? file.startsWith(path) : file === path);

/**
 * The layer of a file; undefined: it is in none.
 *
 * @type {(file: string) => (typeof layers)[number] | undefined}
 */
export const layerOf = (file) =>
  layers
    .filter(({ path }) => within(file, path))
    .reduce((best, layer) => (best && best.path.length > layer.path.length ? best : layer), undefined);

/**
 * The file of the project that a specifier names; undefined: it names none, a package, say.
 *
 * @param {string} file the importing file, from the project's root, with forward slashes
 * @param {string} specifier as written in the file
 */
export function targetOf(file, specifier) {
  if (!/^\.{1,2}\/.*\.js$/.test(specifier)) return undefined;
  return posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
}

/**
 * Why a file may not import a specifier; undefined: it may.
 *
 * @param {string} file which is in a layer
 * @param {string} specifier
 * @returns {string | undefined}
 */
function complaint(file, specifier) {
  const target = targetOf(file, specifier);
  if (target === undefined) return undefined;
  if (posix.basename(target) === 'index.ts' && file.startsWith(`${posix.dirname(target)}/`)) {
    return `${target} gathers this very file: import from where the name is defined.`;
  }

  const own = layerOf(file);
  const other = layerOf(target);
  if (!other) return `${target} is in no layer, so nothing in a layer imports it.`;
  if (layers.indexOf(other) > layers.indexOf(own)) {
    return `${other.path} comes after ${own.path} in the order of the layers.`;
  }
  if (other !== own && own.only && !own.only.includes(other.path)) {
    return `${own.path} imports nothing but ${own.only.join(', ')}.`;
  }
  if (other !== own && other.facade && target !== other.facade) {
    return `Only ${other.facade} is for other layers; ${target} is behind it.`;
  }
  return undefined;
}

/** @type {(node: { type: string, value?: unknown, quasis?: readonly { value: { cooked: string } }[] } | undefined) => string | undefined} */
function textOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.quasis.length === 1) return node.quasis[0].value.cooked;
  return undefined;
}

const isMetaUrl = (node) =>
  node?.type === 'MemberExpression' && node.object.type === 'MetaProperty' && node.property.name === 'url';

/** @type {import('eslint').Rule.RuleModule} */
const rule = {
  meta: {
    type: 'problem',
    docs: { description: 'Each layer imports only from those before it.' },
    schema: [],
  },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/');
    const isLayered = ['src/', 'bindings/', 'examples/'].some((folder) => within(file, folder));
    if (!isLayered) return {}; // what uses the library from outside may import anything of it
    if (!layerOf(file)) {
      const message = `${file} is in no layer: give it a line in scripts/layers.js.`;
      return { Program: (node) => context.report({ node, message }) };
    }

    const checkText = (node) => {
      const text = textOf(node);
      const message = text !== undefined && complaint(file, text);
      if (message) context.report({ node, message });
    };
    const check = ({ source }) => checkText(source);
    const checkCall = ({ callee, arguments: [first, second] }) => {
      if (callee.type !== 'Identifier') return;
      if (callee.name === 'URL' && isMetaUrl(second) && textOf(first) === undefined) {
        const message = 'Write the path out: neither this rule nor a bundler follows a computed one.';
        context.report({ node: first, message });
      }
      if (['URL', 'Worker', 'SharedWorker', 'fork'].includes(callee.name)) checkText(first);
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
      TSImportType: check,
      NewExpression: checkCall,
      CallExpression: checkCall,
    };
  },
};

/** @type {import('eslint').ESLint.Plugin} */
export const layersPlugin = { rules: { layers: rule } };
