/** scripts/structure.js on small trees of its own, and on this one. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { temporaryFolder } from './support/temporaryFolder.js';

const project = fileURLToPath(new URL('../../', import.meta.url));

interface Structure {
  readonly files: number;
  readonly layers: number;
  readonly imports: number;
  readonly fileCycles: readonly (readonly string[])[];
  readonly layerCycles: readonly (readonly string[])[];
  readonly tooLong: readonly string[];
}

function count(folder: string): Promise<{ code: number; structure: Structure }> {
  const line = [join(project, 'scripts/structure.js'), '--check', '--json'];
  return new Promise((resolve) => {
    execFile(process.execPath, line, { cwd: folder }, (error, stdout) => {
      resolve({ code: error ? Number(error.code) : 0, structure: JSON.parse(stdout) as Structure });
    });
  });
}

async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  return folder;
}

describe('scripts/structure.js', () => {
  it('counts layers and the imports between them', async () => {
    const { code, structure } = await count(
      await tree({
        'src/errors.ts': 'export const x = 1;\n',
        'src/core/a.ts': "import { x } from '../errors.js';\nimport { b } from './b.js';\nx + b;\n",
        'src/core/b.ts': "import { x } from '../errors.js';\nexport const b = x;\n",
      }),
    );
    expect(code).equal(0);
    expect(structure).includes({ files: 3, layers: 2, imports: 1 });
  });

  it('fails on a cycle of files, through type imports too', async () => {
    const { code, structure } = await count(
      await tree({
        'src/core/a.ts': "import type { B } from './b.js';\nexport type A = B;\n",
        'src/core/b.ts': "import type { A } from './a.js';\nexport type B = A | 1;\n",
      }),
    );
    expect(code).equal(1);
    expect(structure.fileCycles).deep.equal([['src/core/a.ts', 'src/core/b.ts']]);
  });

  it('fails on a cycle of layers without a cycle of files', async () => {
    const { code, structure } = await count(
      await tree({
        'src/core/a.ts': "import { b } from '../rules/b.js';\nb;\n",
        'src/rules/b.ts': 'export const b = 1;\n',
        'src/rules/c.ts': "import { d } from '../core/d.js';\nd;\n",
        'src/core/d.ts': 'export const d = 1;\n',
      }),
    );
    expect(code).equal(1);
    expect(structure.fileCycles).deep.equal([]);
    expect(structure.layerCycles).deep.equal([['src/core', 'src/rules']]);
  });

  it('fails on a file of more than 400 lines', async () => {
    const { code, structure } = await count(await tree({ 'src/long.ts': 'export {};\n'.repeat(401) }));
    expect(code).equal(1);
    expect(structure.tooLong).deep.equal(['src/long.ts']);
  });

  it('finds nothing to object to in this project', async () => {
    const { code, structure } = await count(project);
    expect(structure).deep.include({ fileCycles: [], layerCycles: [], tooLong: [] });
    expect(code).equal(0);
  });
});
