/** The entries of package.json that have types: the name that users import, and the declaration file. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};

export const entries = Object.entries(exports).flatMap(([path, entry]) =>
  typeof entry === 'string' ? [] : [[path.replace(/^\./, 'quorate'), resolve(entry.types)] as const],
);
