/**
 * The library in headless Chromium gives what Node gives, to the last bit, whatever the server's headers. On a machine
 * without Chromium this is skipped, except in CI.
 */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import * as library from '../../src/index.js';
import { type Case, cases, updatesOf } from '../support/cases.js';
import { chromiumPath, missing, startChromium } from './chromium.js';
import type { Outcome, Run } from './outcome.js';
import { openSite, type Site, type SiteOptions } from './site.js';

type Digests = Outcome['digests'];

/** A few of the cases, large and small: enough where only the way the core is loaded differs. */
const few = cases.filter((_, index) => index % 5 === 0);

interface Visit extends Outcome {
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
}

describe('the cases of same bits', () => {
  it('use every rule and every pre-aggregator', () => {
    const used = cases.flatMap((each) => {
      const { preaggregators, rule } = each.pipeline(library);
      return [...preaggregators, rule].map(({ name }) => name);
    });
    expect(used).to.include.members(library.rules().map(({ name }) => name));
  });
});

describe('in a browser', () => {
  let browser: Browser | undefined;
  const expected = new Map<string, Digests[string]>();

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
      expected.set(each.name, { computed, reported: report.resultDigest });
    }
  });

  after(async () => {
    await browser?.close();
  });

  const inNode = (chosen: readonly Case[]): Digests =>
    Object.fromEntries(chosen.map(({ name }) => [name, expected.get(name)!]));

  async function visit(entry: string, chosen: readonly Case[], options: SiteOptions): Promise<Visit> {
    const site: Site = await openSite(options);
    const context = await browser!.newContext();
    try {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(site.url);
      const outcome = await page.evaluate(
        async ({ entry, names }) => {
          const address = '/test/browser/page.js';
          const { run } = (await import(address)) as { readonly run: Run };
          return run(entry, names);
        },
        { entry, names: chosen.map(({ name }) => name) },
      );
      return { ...outcome, requests: site.requests, complaints };
    } finally {
      await context.close();
      await site.close();
    }
  }

  it('gives the same bits with two threads, where the page is cross-origin isolated', async () => {
    const { digests, isolated, threads, requests, complaints } = await visit('/src/browser.js', cases, {
      isolated: true,
    });
    expect({ isolated, threads, complaints }).to.deep.equal({ isolated: true, threads: 2, complaints: [] });
    expect(requests).to.include('/bindings/worker.browser.js').and.to.include('/wasm/core.shared.wasm');
    expect(digests).to.deep.equal(inNode(cases));
  });

  it('gives the same bits on one thread, where the page is not isolated', async () => {
    const { digests, isolated, threads, requests, complaints } = await visit('/src/browser.js', cases, {});
    expect({ isolated, threads, complaints }).to.deep.equal({ isolated: false, threads: 1, complaints: [] });
    expect(requests).to.include('/wasm/core.wasm').and.not.to.include('/wasm/core.shared.wasm');
    expect(digests).to.deep.equal(inNode(cases));
  });

  it('starts where the server names a wrong type for .wasm files', async () => {
    for (const wasmType of ['application/octet-stream', 'text/plain; charset=utf-8']) {
      const { digests, complaints } = await visit('/src/browser.js', few, { wasmType });
      expect(complaints).to.deep.equal([]);
      expect(digests).to.deep.equal(inNode(few));
    }
  });

  it("starts under a policy that has 'wasm-unsafe-eval' and lacks 'unsafe-eval'", async () => {
    const options = { isolated: true, strictPolicy: true };
    const { digests, threads, requests, complaints } = await visit('/src/browser.js', few, options);
    expect({ threads, complaints }).to.deep.equal({ threads: 2, complaints: [] });
    expect(requests).to.include('/bindings/worker.browser.js');
    expect(digests).to.deep.equal(inNode(few));
  });

  it('needs no .wasm file from quorate/inline', async () => {
    const { digests, requests, complaints } = await visit('/src/inline.js', few, { wasmType: null });
    expect(complaints).to.deep.equal([]);
    expect(requests.filter((path) => path.endsWith('.wasm'))).to.deep.equal([]);
    expect(digests).to.deep.equal(inNode(few));
  });
});
