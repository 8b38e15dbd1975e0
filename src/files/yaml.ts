/**
 * YAML as configuration needs it: what JSON can hold, and nothing that is more than it seems. Aliases that lead into
 * themselves, or unfold to more than anybody writes, are refused, and so is what is nested too deep to be walked
 * through.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { QuorateError } from '../errors.js';

/** Deeper than anything that is taken; as in JSON bodies. */
const MAX_NESTING = 64;

/**
 * @param what is read, for the message
 * @returns maps, lists, texts, numbers, true, false and null; of a tag only the value
 * @throws QuorateError MALFORMED
 */
export function parseYaml(what: string, text: string): unknown {
  let value: unknown;
  try {
    value = parse(text, { resolveKnownTags: false, logLevel: 'error' });
  } catch (error) {
    // Some come as other errors than the parser's own: aliases of nothing, aliases without end.
    const reason = error instanceof Error ? error.message : String(error);
    throw new QuorateError('MALFORMED', `${what}: ${reason}`, {}, error);
  }
  requirePlain(what, value, MAX_NESTING);
  return value;
}

/** @throws QuorateError MALFORMED for what is nested deeper than `levels`, as what has no end is, and for `__proto__` */
function requirePlain(what: string, value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (levels === 0) {
    throw new QuorateError('MALFORMED', `${what}: nested more than ${MAX_NESTING} levels deep`);
  }
  for (const [key, inner] of Object.entries(value)) {
    // A schema would pass it over without a word.
    if (key === '__proto__') throw new QuorateError('MALFORMED', `${what}: '__proto__' is no name`);
    requirePlain(what, inner, levels - 1);
  }
}

/** Configuration files: YAML, and so JSON too. */
export type Tree = Record<string, unknown>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An empty file is an empty mapping. @throws QuorateError NOT_FOUND, MALFORMED */
export async function readYamlFile(file: string): Promise<Tree> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new QuorateError('NOT_FOUND', `the configuration ${file} cannot be read`, { file }, error);
  }
  const tree = parseYaml(file, text) ?? {};
  if (isTree(tree)) return tree;
  throw new QuorateError('MALFORMED', `${file}: a configuration is a mapping of settings`, { file });
}
