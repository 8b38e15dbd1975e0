/** Folders that are gone after the file of tests that asked for them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEachFile } from './cleanup.js';

const folders: string[] = [];

/** An empty folder of its own for each caller. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-store-'));
  folders.push(folder);
  return folder;
}

afterEachFile(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
