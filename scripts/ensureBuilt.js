/** Builds the project unless it is built: `npm ci` does that through `prepare`, `npm ci --ignore-scripts` does not. */
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (!existsSync('dist/src/index.js') || !existsSync('dist/wasm'))
  execSync('npm run build', { stdio: 'inherit' });
