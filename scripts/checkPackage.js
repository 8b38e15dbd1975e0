/** Packs what dist/ holds, without building again, and has publint and attw look at the tarball. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** @param {string[]} line */
const npm = (...line) => execFileSync('npm', line, { encoding: 'utf8', shell: process.platform === 'win32' });

mkdirSync('build', { recursive: true });
const [{ filename }] = JSON.parse(npm('pack', '--ignore-scripts', '--json', '--pack-destination', 'build'));
for (const line of [
  ['publint', 'run', `build/${filename}`, '--strict'],
  ['attw', `build/${filename}`, '--profile', 'esm-only'],
]) {
  execFileSync('npx', ['--no-install', ...line], { stdio: 'inherit', shell: process.platform === 'win32' });
}
