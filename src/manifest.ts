import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = new URL('../../package.json', import.meta.url);
const { version, bin } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly version: string;
  readonly bin: { readonly quorate: string };
};

/** The version in package.json. */
export { version };

/** The path of the program behind the command `quorate`. */
export const program = fileURLToPath(new URL(bin.quorate, file));
