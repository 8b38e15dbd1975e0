/**
 * What other support files do after each test, and after each file of tests. A hook of their own would be the first
 * file's alone: a process runs many files, and loads what they share once. `.mocharc.json` requires this file.
 */
import type { Context } from 'mocha';

type Work = (test: Context) => unknown;

const afterTests: Work[] = [];
const afterFiles: Work[] = [];

export const afterEachTest = (work: Work): void => void afterTests.push(work);
export const afterEachFile = (work: Work): void => void afterFiles.push(work);

export const mochaHooks = {
  async afterEach(this: Context): Promise<void> {
    for (const work of afterTests) await work(this);
  },
  async afterAll(this: Context): Promise<void> {
    for (const work of afterFiles) await work(this);
  },
};
