/** quorate/client in headless Chromium, on a page of another origin than the server's. */
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import type * as client from '../../src/client/index.js';
import { chromiumPath, missing, startChromium } from '../browser/chromium.js';
import { openSite, type Site } from '../browser/site.js';
import { openStage, type Stage, startSession } from './stage.js';

describe('quorate/client in a browser', () => {
  let browser: Browser | undefined;
  let site: Site | undefined;
  let stage: Stage | undefined;

  before(async function () {
    if (chromiumPath === undefined) {
      if (process.env.CI) throw new Error(missing);
      console.warn(missing);
      this.skip();
    }
    browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
  });
  afterEach(async () => {
    await stage?.close();
    await site?.close();
    stage = site = undefined;
  });

  async function joinFromPage(encoding: 'f32' | 'bf16', token: string | null) {
    const page = await browser!.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    try {
      await page.goto(site!.url);
      const told = await page.evaluate(
        async ({ server, encoding, token }) => {
          const address = '/src/client/browser.js';
          const { joinSession } = (await import(address)) as typeof client;
          const events: string[] = [];
          const outcome = await joinSession({
            server,
            session: 'job',
            node: 'page',
            encoding,
            enrollmentToken: token,
            train: ({ model, round }) => ({ update: model.values.fill(round), numExamples: 1 }),
            evaluate: ({ model }) => ({ metrics: { first: model.values[0]! } }),
            onEvent: ({ type }) => events.push(type),
          });
          return { outcome, events };
        },
        { server: stage!.url, encoding, token },
      );
      return { ...told, complaints };
    } finally {
      await page.close();
    }
  }

  for (const [encoding, token] of [
    ['f32', null],
    ['bf16', 'enrollment-0123456789'],
  ] as const) {
    it(`takes part in a session, sending ${encoding}${token === null ? '' : ', with a token'}`, async () => {
      site = await openSite({});
      const { origin } = new URL(site.url);
      stage = await openStage({
        cors: { origins: [origin] },
        ...(token !== null && { auth: { enabled: true, enrollmentToken: token } }),
      });
      await startSession(stage.coordinator, { quorum: 1, rounds: 3 });
      const { outcome, events, complaints } = await joinFromPage(encoding, token);
      expect(complaints).deep.equal([]);
      expect(outcome).include({ status: 'completed', committed: 3, accepted: 3 });
      expect(events).include.members(['registered', 'connected', 'training', 'accepted', 'evaluated']);
      expect([...(await stage.coordinator.model('job')).values]).deep.equal([6, 6, 6]);
      expect(site.requests).include('/src/client/pageSocket.js');
      expect(
        site.requests.filter((path) => /nodeSocket|node_modules\/ws|bindings\/node/.test(path)),
      ).deep.equal([]);
    });
  }
});
