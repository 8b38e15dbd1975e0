/** What tests of a node's part share: a stage for each test, proxies that end with it, and trainers. */
import type { JoinOptions, Train } from '../../src/client/index.js';
import { openProxy, openStage, type Proxy, type Stage } from './stage.js';

/** Moves every value of the model by `step`. */
export const moveBy =
  (step: number): Train =>
  ({ model }) => ({ update: model.values.fill(step), numExamples: 1 });

export const quick = { firstMs: 5, maxMs: 50, seed: 1 };

export const isUpdate = (method: string | undefined, url: string | undefined): boolean =>
  method === 'PUT' && url!.includes('/updates/');

/** To be called in a describe: opens a stage before each of its tests, and closes all after it. */
export function play() {
  let stage: Stage;
  const proxies: Proxy[] = [];

  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    await stage.close();
  });

  return {
    get stage() {
      return stage;
    },
    optionsOf: (node: string, more: Partial<JoinOptions> = {}): JoinOptions => ({
      server: stage.url,
      session: 'job',
      node,
      train: moveBy(1),
      retry: quick,
      ...more,
    }),
    /** A proxy before the stage. */
    through: async (...meddling: Parameters<typeof openProxy> extends [string, ...infer R] ? R : never) => {
      const proxy = await openProxy(stage.url, ...meddling);
      proxies.push(proxy);
      return proxy;
    },
    /** Resolves with the round's commit; to be called before it. */
    committed: (round: number): Promise<void> =>
      new Promise((resolve) => {
        const unsubscribe = stage.coordinator.events.subscribe(({ body }) => {
          if (body.type !== 'round-committed' || body.round !== round) return;
          unsubscribe();
          resolve();
        });
      }),
  };
}
