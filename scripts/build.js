/**
 * Builds what has changed since the last time: the core if its source has, TypeScript as far as tsc finds necessary, and
 * removes what has no source any more, or a test that was moved would run twice. `npm run build` begins with nothing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));

/** @type {(program: string, ...line: string[]) => void} */
const run = (program, ...line) =>
  execFileSync('npx', ['--no-install', program, ...line], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });

/** @type {(folder: string) => string[]} */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

const compiled = [
  'dist/wasm/core.wasm',
  'dist/wasm/core.shared.wasm',
  'bindings/coreTypes.generated.ts',
  'bindings/coreBytes.generated.ts',
];
const sources = [
  ...filesIn('assembly'),
  'asconfig.json',
  'scripts/embedCore.js',
  'package-lock.json', // the compiler's version
];
const time = (file) => statSync(file).mtimeMs;
const newest = Math.max(...sources.map(time));
if (!compiled.every((file) => existsSync(file) && time(file) > newest)) {
  for (const target of ['single', 'shared']) run('asc', '--config', 'asconfig.json', '--target', target);
  await import('./embedCore.js');
}

for (const folder of ['src', 'bindings', 'test', 'bench', 'examples'].filter((each) =>
  existsSync(`dist/${each}`),
)) {
  for (const file of filesIn(`dist/${folder}`)) {
    const source = file.slice('dist/'.length).replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(source)) rmSync(file);
  }
}

// What runs in Node, then what runs in pages, each seeing only the names of its own host.
for (const part of ['tsconfig', 'tsconfig.pages'])
  run('tsc', '-p', `${part}.json`, '--incremental', '--tsBuildInfoFile', `dist/${part}.tsbuildinfo`);
