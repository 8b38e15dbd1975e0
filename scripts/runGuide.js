/**
 * Runs the code of a page in docs/ from top to bottom, in an empty folder where `quorate` is this package, and compares
 * what it prints. The word after a block's language says what the block is:
 *
 *   js run         an ES module, run with Node
 *   js file=NAME   a file of this name; so are yaml and json
 *   sh run         run by bash; variables and functions stay for the blocks after it
 *   sh server      one command that runs until the page ends, with or without `&`; the page goes on once it listens
 *   text           what the block before prints; `…` stands for anything, also for lines
 *
 *   <!-- run: … -->  a line of bash for what a reader does by hand
 *
 * Blocks without such a word are not run. The page's address 127.0.0.1:8080 becomes one that is free.
 *
 *   node scripts/runGuide.js docs/guides/*.md
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const ADDRESS = '127.0.0.1:8080';

/**
 * @typedef {{ language: string, what: string, code: string, line: number }} Block
 * @param {string} text
 * @returns {Block[]}
 */
export const blocksOf = (text) =>
  [...text.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$|^<!-- run: (.*) -->$/gm)].map(
    ({ 1: language = 'sh', 2: what = '', 3: block, 4: command, index }) => ({
      language,
      what: command === undefined ? what : 'run',
      code: command ?? block,
      line: text.slice(0, index).split('\n').length,
    }),
  );

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** @param {string} expected @param {string} printed */
export function matches(expected, printed) {
  const trimmed = (text) => text.replace(/[ \t]+$/gm, '').trim();
  const pattern = trimmed(expected)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^]*?');
  return new RegExp(`^${pattern}$`).test(trimmed(printed));
}

/** One bash for the whole page, which reads each block from its standard input. */
class Shell {
  #printed = '';
  #child;
  #onOutput = () => undefined;

  constructor(folder, env) {
    this.#child = spawn('bash', ['--norc'], { cwd: folder, env, stdio: 'pipe', detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#printed += text;
        this.#onOutput();
      });
    }
  }

  /** @param {string} code @returns {Promise<string>} what it prints */
  async run(code) {
    const marker = `--- ${Math.random()} `;
    this.#printed = '';
    this.#child.stdin.write(`${code}\necho "${marker}$?"\n`);
    const ended = new RegExp(`${marker}(\\d+)\\n`);
    const found = await new Promise((resolve, reject) => {
      const failed = () => reject(new Error(`ended, or took too long, after printing:\n${this.#printed}`));
      const timer = setTimeout(failed, 120_000);
      this.#child.once('exit', failed);
      this.#onOutput = () => {
        const match = ended.exec(this.#printed);
        if (!match) return;
        clearTimeout(timer);
        this.#child.off('exit', failed);
        resolve(match);
      };
    });
    if (found[1] !== '0') throw new Error(`exit code ${found[1]}:\n${this.#printed}`);
    return this.#printed.slice(0, found.index);
  }

  /** With all that it started. */
  async end() {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    process.kill(-this.#child.pid, 'SIGTERM');
    this.#child.stdin.end();
    await ended;
  }
}

/**
 * One command, until it listens; what it writes goes to a file.
 *
 * @param {string} command
 */
const inBackground = (command) => `: > server.log
(exec ${command.trim().replace(/ &$/, '')}) >> server.log 2>&1 &
for _ in $(seq 600); do grep -q 'listening on' server.log && break; sleep 0.1; done
cat server.log`;

/** @param {string} page its path @throws {Error} naming the line of the block that does not do what the page says */
export async function runGuide(page) {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-guide-'));
  const address = `127.0.0.1:${await freePort()}`;
  const here = (text) => text.replaceAll(ADDRESS, address);
  await mkdir(join(folder, 'node_modules'));
  await mkdir(join(folder, 'bin'));
  await symlink(project, join(folder, 'node_modules/quorate'));
  // In place of npx, which takes longer to start than what it is to start.
  const program = join(project, 'dist/src/cli/quorate.js');
  const npx = `#!/bin/sh\n[ "$1" = quorate ] && shift && exec '${process.execPath}' '${program}' "$@"\n`;
  await writeFile(join(folder, 'bin/npx'), npx, { mode: 0o755 });
  const shell = new Shell(folder, {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    LC_ALL: 'C.UTF-8',
    QUORATE_SERVER: `http://${address}`,
    QUORATE_LISTEN_PORT: address.split(':')[1],
  });
  let printed = '';
  try {
    for (const { language, what, code, line } of blocksOf(await readFile(page, 'utf8'))) {
      try {
        const file = /^file=([\w.-]+)$/.exec(what)?.[1];
        if (file) await writeFile(join(folder, file), here(code));
        else if (language === 'js' && what === 'run') {
          await writeFile(join(folder, 'example.mjs'), here(code));
          printed = await shell.run('node example.mjs');
        } else if (what === 'run') printed = await shell.run(here(code));
        else if (what === 'server') printed = await shell.run(inBackground(here(code)));
        else if (language === 'text') {
          if (!matches(code, printed.replaceAll(address, ADDRESS))) throw new Error(`it prints:\n${printed}`);
        }
      } catch (error) {
        throw new Error(`${page}:${line}: ${error.message}`, { cause: error });
      }
    }
  } finally {
    await shell.end();
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const page of process.argv.slice(2)) {
    try {
      await runGuide(page);
      console.log(`${page}: as it says`);
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  }
}
