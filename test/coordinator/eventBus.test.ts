import { expect } from 'chai';
import { EventBus } from '../../src/coordinator/eventBus.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';

describe('Feed', () => {
  it('numbers events, and hands them on in order', () => {
    const feed = new EventBus(memoryStore().events, () => undefined);
    const heard: number[] = [];
    feed.subscribe(({ number }) => heard.push(number));
    for (let i = 0; i < 3; i++) feed.announce(i, { i });
    expect(heard).deep.equal([1, 2, 3]);
    expect([feed.first, feed.last]).deep.equal([1, 3]);
    expect(feed.since(1, 10).map(({ body }) => body.i)).deep.equal([1, 2]);
  });

  it('ends a subscription, also from within', () => {
    const feed = new EventBus(memoryStore().events, () => undefined);
    let count = 0;
    const end = feed.subscribe(() => {
      count++;
      end();
    });
    feed.announce(0, {});
    feed.announce(0, {});
    expect(count).equal(1);
  });

  it('keeps one listener’s failure from the others', () => {
    const errors: unknown[] = [];
    const feed = new EventBus(memoryStore().events, (error) => errors.push(error));
    const heard: number[] = [];
    const failure = new Error('deaf');
    feed.subscribe(() => {
      throw failure;
    });
    feed.subscribe(({ number }) => heard.push(number));
    feed.announce(0, {});
    expect(heard).deep.equal([1]);
    expect(errors).deep.equal([failure]);
  });
});
