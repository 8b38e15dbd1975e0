/** Starts the machine's Chromium without a window. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

export const chromiumPath = places.find((path) => path !== undefined && path !== '' && existsSync(path));

export const missing =
  'No Chromium was found. Install it (apt-get install chromium), or name its program in CHROMIUM_PATH.';

export function startChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(missing);
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox', // root, as in a container, may not use it
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
