/** Configuration files: YAML, and so JSON too. */
import { readFile } from 'node:fs/promises';
import { QuorateError } from '../errors.js';
import { parseYaml } from '../formats/yaml.js';

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
