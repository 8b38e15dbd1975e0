/** What the package's package.json says of itself: its version, and where the command `quorate` is. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = new URL('../../package.json', import.meta.url);
const { version, bin } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly version: string;
  readonly bin: { readonly quorate: string };
};

export { version };

/** The path of the program that the command `quorate` runs. */
export const program = fileURLToPath(new URL(bin.quorate, file));
