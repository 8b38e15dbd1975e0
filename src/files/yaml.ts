/**
 * YAML for configuration, restricted to what JSON can express. Recursive aliases, aliases that expand excessively, and
 * values that are nested too deeply are refused.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { QuorateError } from '../errors.js';

/** More than any configuration needs; the same limit as for JSON bodies. */
const MAX_NESTING = 64;

/**
 * Parses YAML.
 *
 * @param what the text is, for the message
 * @returns maps, lists, strings, numbers, booleans and null; tags are ignored
 * @throws QuorateError MALFORMED
 */
export function parseYaml(what: string, text: string): unknown {
  let value: unknown;
  try {
    value = parse(text, { resolveKnownTags: false, logLevel: 'error' });
  } catch (error) {
    // Not always the parser's own errors: unresolved and endless aliases throw others.
    const reason = error instanceof Error ? error.message : String(error);
    throw new QuorateError('MALFORMED', `${what}: ${reason}`, {}, error);
  }
  requirePlain(what, value, MAX_NESTING);
  return value;
}

/** @throws QuorateError MALFORMED for values nested deeper than `levels`, such as recursive ones, and for `__proto__` */
function requirePlain(what: string, value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (levels === 0) {
    throw new QuorateError('MALFORMED', `${what}: nested more than ${MAX_NESTING} levels deep`);
  }
  for (const [key, inner] of Object.entries(value)) {
    // A schema would silently ignore it.
    if (key === '__proto__')
      throw new QuorateError('MALFORMED', `${what}: '__proto__' is not allowed as a name`);
    requirePlain(what, inner, levels - 1);
  }
}

/** A parsed configuration file. */
export type Tree = Record<string, unknown>;

/** Whether a value is a mapping. */
export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads a configuration file in YAML or JSON. An empty file is an empty mapping. @throws QuorateError NOT_FOUND, MALFORMED */
export async function readYamlFile(file: string): Promise<Tree> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new QuorateError('NOT_FOUND', `can't read the configuration ${file}`, { file }, error);
  }
  const tree = parseYaml(file, text) ?? {};
  if (isTree(tree)) return tree;
  throw new QuorateError('MALFORMED', `${file}: a configuration must be a mapping of settings`, { file });
}
