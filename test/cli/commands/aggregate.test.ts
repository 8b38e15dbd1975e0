/** `quorate aggregate`, in a process of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeNpy } from '../../../src/formats/npy.js';
import { readSafetensors, type Tensor, writeSafetensors } from '../../../src/formats/safetensors.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { run } from '../command.js';

const tensor = (name: string, ...values: number[]): Tensor => ({
  name,
  shape: [values.length],
  values: Float32Array.from(values),
});

/** Writes files to a folder of their own. @returns their paths */
async function filesOf(files: Readonly<Record<string, Uint8Array>>): Promise<string[]> {
  const folder = temporaryFolder();
  return Promise.all(
    Object.entries(files).map(async ([name, bytes]) => {
      await writeFile(join(folder, name), bytes);
      return join(folder, name);
    }),
  );
}

interface Rows {
  readonly rows: readonly { readonly name: string; readonly used: boolean }[];
}

describe('quorate aggregate', () => {
  const rows = [1, 2, 3, NaN].map((value) => Float32Array.of(value, 1));
  const flat = Float32Array.from(rows.flatMap((row) => [...row]));

  for (const [format, files] of [
    ['.npy', { 'updates.npy': writeNpy({ shape: [4, 2], values: flat }) }],
    [
      'one .safetensors',
      { 'all.safetensors': writeSafetensors(rows.map((row, i) => tensor(`n${i}`, ...row))) },
    ],
    [
      'several .safetensors',
      Object.fromEntries(
        rows.map((row, i) => [`n${i}.safetensors`, writeSafetensors([tensor('w', ...row)])]),
      ),
    ],
  ] as const) {
    it(`leaves --on-non-finite to the rule's policy, with ${format}`, async () => {
      const paths = await filesOf(files);
      const line = ['aggregate', ...paths, '--rule', 'mean', '--json'];
      const [refused, excluded] = await Promise.all([
        run(line),
        run([...line, '--on-non-finite', 'exclude']),
      ]);
      expect([refused.code, refused.err]).deep.equal([1, refused.err]);
      expect(refused.err).match(/^quorate: NON_FINITE: /);
      expect([excluded.code, excluded.err]).deep.equal([0, '']);
      expect((JSON.parse(excluded.out) as Rows).rows.map(({ used }) => used)).deep.equal([
        true,
        true,
        true,
        false,
      ]);
    });
  }

  it('matches the tensors of its files by name, whatever their order', async () => {
    const paths = await filesOf({
      'a.safetensors': writeSafetensors([tensor('w', 1, 2), tensor('b', 3)]),
      'b.safetensors': writeSafetensors([tensor('b', 5), tensor('w', 3, 4)]),
    });
    const out = join(temporaryFolder(), 'mean.safetensors');
    const { code, err } = await run(['aggregate', ...paths, '--rule', 'mean', '--out', out]);
    expect([code, err]).deep.equal([0, '']);
    const { tensors } = await readSafetensors(await readFile(out));
    expect(tensors.map(({ name, values }) => [name, ...values])).deep.equal([
      ['w', 2, 3],
      ['b', 4],
    ]);
  });

  it('names the tensor that is missing, extra, or of another shape', async () => {
    const first = writeSafetensors([tensor('w', 1, 2), tensor('b', 3)]);
    for (const [other, problem] of [
      [[tensor('w', 1, 2)], "tensor 'b' is missing"],
      [[tensor('w', 1, 2), tensor('b', 3), tensor('c', 3)], "tensor 'c' is not in"],
      [[tensor('w', 1, 2), tensor('b', 3, 4)], "tensor 'b' has the shape [2] instead of [1]"],
    ] as const) {
      const paths = await filesOf({ 'a.safetensors': first, 'b.safetensors': writeSafetensors(other) });
      const { code, err } = await run(['aggregate', ...paths, '--rule', 'mean']);
      expect(code).equal(1);
      expect(err)
        .match(/^quorate: BAD_SHAPE: /)
        .and.include(problem);
    }
  });

  it('says why a file cannot be read', async () => {
    const folder = temporaryFolder();
    await mkdir(join(folder, 'folder.npy'));
    const [secret] = await filesOf({
      'secret.npy': writeNpy({ shape: [1, 1], values: new Float32Array(1) }),
    });
    await chmod(secret!, 0);
    for (const [file, problem] of [
      [join(folder, 'none.npy'), /NOT_FOUND: .*no such file/],
      [join(folder, 'folder.npy'), /STORE_FAILED: .*folder/],
      ...(process.getuid?.() === 0 ? [] : [[secret!, /STORE_FAILED: .*permission/] as const]),
    ] as const) {
      const { code, err } = await run(['aggregate', file, '--rule', 'mean']);
      expect(code).equal(1);
      expect(err).match(problem);
    }
  });
});
