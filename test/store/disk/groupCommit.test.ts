import { expect } from 'chai';
import { GroupCommit } from '../../../src/store/disk/groupCommit.js';

/** Flushes that the test ends, each when it likes. */
function gated() {
  const flushes: { items: readonly number[]; end: (error?: Error) => void }[] = [];
  const begun: (() => void)[] = [];
  const group = new GroupCommit<number>(
    (items) =>
      new Promise((resolve, reject) => {
        flushes.push({ items, end: (error) => (error ? reject(error) : resolve()) });
        begun.shift()?.();
      }),
  );
  const flush = async (i: number) => {
    if (!flushes[i]) await new Promise<void>((resolve) => begun.push(resolve));
    return flushes[i]!;
  };
  return { group, flush, flushes };
}

describe('GroupCommit', () => {
  it('flushes what comes together at once, and what comes meanwhile in one go after', async () => {
    const { group, flush, flushes } = gated();
    const resolved: number[] = [];
    const commit = (item: number) => group.commit(item).then(() => resolved.push(item));
    const first = [commit(1), commit(2)];
    const flushed = await flush(0);
    expect(flushed.items).deep.equal([1, 2]);
    const second = [commit(3), commit(4), commit(5)];
    await new Promise(setImmediate);
    expect(flushes).lengthOf(1);
    expect(resolved).deep.equal([]);
    flushed.end();
    await Promise.all(first);
    expect((await flush(1)).items).deep.equal([3, 4, 5]);
    expect(resolved).deep.equal([1, 2]);
    flushes[1]!.end();
    await Promise.all(second);
    expect(resolved).deep.equal([1, 2, 3, 4, 5]);
  });

  it('rejects each write of the batch that failed, and no other', async () => {
    const { group, flush } = gated();
    const failing = Promise.allSettled([group.commit(1), group.commit(2)]);
    const first = await flush(0);
    const fine = group.commit(3);
    first.end(new Error('no'));
    expect((await failing).map(({ status }) => status)).deep.equal(['rejected', 'rejected']);
    (await flush(1)).end();
    await fine;
  });

  it('is idle when nothing waits', async () => {
    const { group, flush } = gated();
    await group.idle();
    let isIdle = false;
    const commit = group.commit(1);
    const idle = group.idle().then(() => (isIdle = true));
    const first = await flush(0);
    expect(isIdle).false;
    first.end();
    await Promise.all([commit, idle]);
  });
});
