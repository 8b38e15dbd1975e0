/**
 * The library in headless Chromium gives what Node gives, to the last bit, whatever the server's headers. On a machine
 * without Chromium this is skipped, except in CI.
 */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import * as library from '../../src/index.js';
import { cases, updatesOf } from '../support/cases.js';
import { chromiumPath, missing, startChromium } from './chromium.js';
import type { Outcome } from './page.js';
import { openSite, type Site, type SiteOptions } from './site.js';

interface Visit extends Outcome {
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
}

describe('in a browser', () => {
  let browser: Browser | undefined;
  const expected: Record<string, { computed: string; reported: string }> = {};

  before(async function () {
    if (chromiumPath === undefined) {
      if (process.env.CI) throw new Error(missing);
      console.warn(missing);
      this.skip();
    }
    browser = await startChromium();
    for (const each of cases) {
      const { value, report } = await library.aggregate(updatesOf(each), each.pipeline(library));
      const computed = createHash('sha256')
        .update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
        .digest('hex');
      expected[each.name] = { computed, reported: report.resultDigest };
    }
  });

  after(async () => {
    await browser?.close();
  });

  async function visit(entry: string, options: SiteOptions): Promise<Visit> {
    const site: Site = await openSite(options);
    const context = await browser!.newContext();
    try {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(site.url);
      const outcome = await page.evaluate(async (path) => {
        const address = '/test/browser/page.js';
        const { run } = (await import(address)) as typeof import('./page.js');
        return run(path);
      }, entry);
      return { ...outcome, requests: site.requests, complaints };
    } finally {
      await context.close();
      await site.close();
    }
  }

  it('gives the same bits with two threads, where the page is cross-origin isolated', async () => {
    const { digests, isolated, threads, requests, complaints } = await visit('/src/browser.js', {
      isolated: true,
    });
    expect({ isolated, threads, complaints }).to.deep.equal({ isolated: true, threads: 2, complaints: [] });
    expect(requests).to.include('/bindings/worker.browser.js').and.to.include('/wasm/core.shared.wasm');
    expect(digests).to.deep.equal(expected);
  });

  it('gives the same bits on one thread, where the page is not isolated', async () => {
    const { digests, isolated, threads, requests, complaints } = await visit('/src/browser.js', {});
    expect({ isolated, threads, complaints }).to.deep.equal({ isolated: false, threads: 1, complaints: [] });
    expect(requests).to.include('/wasm/core.wasm').and.not.to.include('/wasm/core.shared.wasm');
    expect(digests).to.deep.equal(expected);
  });

  it('starts where the server names a wrong type for .wasm files', async () => {
    for (const wasmType of ['application/octet-stream', 'text/plain; charset=utf-8']) {
      const { digests, complaints } = await visit('/src/browser.js', { wasmType });
      expect(complaints).to.deep.equal([]);
      expect(digests).to.deep.equal(expected);
    }
  });

  it("starts under a policy that has 'wasm-unsafe-eval' and lacks 'unsafe-eval'", async () => {
    const options = { isolated: true, strictPolicy: true };
    const { digests, threads, complaints } = await visit('/src/browser.js', options);
    expect({ threads, complaints }).to.deep.equal({ threads: 2, complaints: [] });
    expect(digests).to.deep.equal(expected);
  });

  it('needs no .wasm file from quorate/inline', async () => {
    const { digests, requests, complaints } = await visit('/src/inline.js', { wasmType: null });
    expect(complaints).to.deep.equal([]);
    expect(requests.filter((path) => path.endsWith('.wasm'))).to.deep.equal([]);
    expect(digests).to.deep.equal(expected);
  });
});
