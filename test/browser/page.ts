/** What the page runs: cases by name, on an engine of two threads where the browser allows threads. */
import { cases, updatesOf, type Library } from '../support/cases.js';
import type * as browserLibrary from '../../src/browser.js';
import type { Run } from './outcome.js';

type Entry = Library & Pick<typeof browserLibrary, 'aggregate' | 'createEngine'>;

export const run: Run = async (entry, names) => {
  const library = (await import(entry)) as Entry;
  const engine = library.createEngine({ threads: 2 });
  const digests: Record<string, { computed: string; reported: string | undefined }> = {};
  for (const each of cases.filter(({ name }) => names.includes(name))) {
    const { value, report } = await library.aggregate(updatesOf(each), each.pipeline(library), { engine });
    digests[each.name] = { computed: await sha256(value), reported: report.resultDigest };
  }
  await engine.dispose();
  return { isolated: globalThis.crossOriginIsolated, threads: engine.threads, digests };
};

/** By the browser's own implementation, over the bytes as they lie in memory: little-endian, wherever browsers run. */
async function sha256(value: Float32Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', Float32Array.from(value));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
