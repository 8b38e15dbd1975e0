/**
 * A Prettier plugin for assembly/: TypeScript's grammar has no decorators on functions, AssemblyScript's has. A line
 * that holds only a decorator is shown to the TypeScript parser as a comment, and printed as the decorator again.
 */
import * as estree from 'prettier/plugins/estree';
import * as typescript from 'prettier/plugins/typescript';

const mark = '//decorator:';
const decoratorLine = /^([ \t]*)(@\w+(?:\(.*\))?)[ \t]*$/gm;

export const parsers = {
  assemblyscript: {
    ...typescript.parsers.typescript,
    astFormat: 'assemblyscript',
    preprocess: (text) => text.replace(decoratorLine, `$1${mark}$2`),
  },
};

export const printers = {
  assemblyscript: {
    ...estree.printers.estree,
    printComment(path, options) {
      const { start, end } = { start: options.locStart(path.node), end: options.locEnd(path.node) };
      const text = options.originalText.slice(start, end);
      return text.startsWith(mark)
        ? text.slice(mark.length).trimEnd()
        : estree.printers.estree.printComment(path, options);
    },
  },
};
