/**
 * The folder of package.json. Compiled files may be in dist/ or elsewhere, but the Python baseline and the bandwidth
 * kernel stay in the project.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json found above the benchmark');
    folder = parent;
  }
  return folder;
}
