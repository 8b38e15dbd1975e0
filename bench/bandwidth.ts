/**
 * The yardstick for memory-bound kernels: how fast one thread reads a buffer of the case's size. The size matters,
 * because a buffer that fits into the processor's caches is read faster.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from './projectRoot.js';

const pageBytes = 65_536;

/** Small enough for the engine to switch from its baseline compiler between calls. */
const chunkBytes = 1 << 22;

type ReadAll = (from: number, bytes: number) => number;

const isReadAll = (value: WebAssembly.ExportValue | undefined): value is ReadAll =>
  typeof value === 'function';

/**
 * Compiles the kernel on first use and when its source has changed. It belongs to the benchmark, so the package's build
 * doesn't include it.
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
  // Pages that were never written all map to one page of zeros, which would be read from the L1 cache.
  new Uint32Array(memory.buffer).fill(0x3f80_0001);
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { env: { memory } });
  const readAll = instance.exports.readAll;
  if (!isReadAll(readAll)) throw new Error(`${file} does not export readAll`);
  const whole = bytes - (bytes % 256);
  return () => {
    for (let from = 0; from < whole; from += chunkBytes) readAll(from, Math.min(chunkBytes, whole - from));
  };
}
