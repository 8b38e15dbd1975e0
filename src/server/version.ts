/** The package's version, as its package.json has it. */
import { readFileSync } from 'node:fs';

/** From dist/src/server/ up to the package. */
const file = new URL('../../../package.json', import.meta.url);

export const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
