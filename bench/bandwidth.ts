/**
 * The yardstick for kernels bound by memory: how fast one thread can read a buffer of the size of the case. A
 * buffer that fits into the processor's caches is read faster than one that does not, hence the same size.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from './projectRoot.js';

const pageBytes = 65_536;

/** A first giant call would stay in the engine's baseline compiler for all of its length. */
const chunkBytes = 1 << 22;

type ReadAll = (from: number, bytes: number) => number;

const isReadAll = (value: WebAssembly.ExportValue | undefined): value is ReadAll =>
  typeof value === 'function';

/**
 * The kernel belongs to the benchmark and not to the package, so the package's build does not know it: it is
 * compiled when it is first needed, and again when its source is newer.
 */
function compiledKernel(): string {
  const folder = join(projectRoot(), 'bench', 'assembly');
  const file = join(projectRoot(), 'build', 'bench', 'readBandwidth.wasm');
  if (existsSync(file) && statSync(file).mtimeMs > statSync(join(folder, 'readBandwidth.ts')).mtimeMs)
    return file;
  const compiler = fileURLToPath(new URL('../bin/asc.js', import.meta.resolve('assemblyscript/asc')));
  const memory = ['--importMemory', '--noExportMemory'];
  const speed = ['-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert'];
  const places = ['readBandwidth.ts', '--baseDir', folder, '--outFile', file];
  execFileSync(process.execPath, [compiler, ...places, ...memory, ...speed]);
  return file;
}

/** @returns a function that reads `bytes` bytes once. The buffer lives as long as the function. */
export async function bandwidthReader(bytes: number): Promise<() => void> {
  const file = compiledKernel();
  const pages = Math.ceil(bytes / pageBytes);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  // Pages never written to are all the same page of zeros, which would be read from the first cache.
  new Uint32Array(memory.buffer).fill(0x3f80_0001);
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { env: { memory } });
  const readAll = instance.exports.readAll;
  if (!isReadAll(readAll)) throw new Error(`${file} does not export readAll`);
  const whole = bytes - (bytes % 256);
  return () => {
    for (let from = 0; from < whole; from += chunkBytes) readAll(from, Math.min(chunkBytes, whole - from));
  };
}
