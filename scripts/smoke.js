/**
 * The package's promises in few lines, for any host: Node, Deno or Bun. To be run where `quorate` is installed from its
 * tarball. Results have the same bits everywhere, so a digest is enough.
 *
 *   node smoke.js · deno run -A smoke.js · bun run smoke.js
 */
import { aggregate } from 'quorate';
import { signFlipping } from 'quorate/attacks';
import { createClient } from 'quorate/client';
import { aggregate as aggregateInline } from 'quorate/inline';

/** @type {Record<string, string>} of a row's float32 bytes, in hex */
const expected = {
  mean: '2b0c49f3ef6458b765624d8bac58bca35c610fd7ad502ad53311cd250a322829',
  median: '626bf515a273f16ac4fc4c335580abd743a092962e3ba593ee40e07905fc7c4c',
  'nnm(f=2) > trimmed-mean(f=2)': '67d98ebe4f92d94bb527f533121e82f0060b6670e1e52fbaeee310793cc0d691',
  'krum(f=2)': '96378b1e07d893c60433bc619a0d0b7924beb3a43e9a8c84abdbf8153514739b',
};

const honest = Array.from({ length: 8 }, (_, i) =>
  Float32Array.from({ length: 1000 }, (_, k) => ((i * 37 + k * 101) % 211) / 16 - 6),
);
const updates = [...honest, ...signFlipping().forge(honest, 2)];

for (const [pipeline, digest] of Object.entries(expected)) {
  for (const run of [aggregate, aggregateInline]) {
    const { report } = await run(updates, pipeline);
    if (report.resultDigest !== digest) throw new Error(`${pipeline}: ${report.resultDigest}, not ${digest}`);
  }
}
createClient({ server: 'http://127.0.0.1:8080' });
console.log(`the same bits as everywhere: ${Object.keys(expected).length} pipelines`);
