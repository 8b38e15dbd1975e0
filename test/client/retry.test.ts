import { expect } from 'chai';
import { createRetry, isTemporary } from '../../src/client/retry.js';
import { type ErrorCode, QuorateError } from '../../src/errors.js';
import { expectRefusal } from '../support/refusal.js';

const { signal } = new AbortController();
const fault = (code: ErrorCode, details = {}) => new QuorateError(code, 'as expected', details);

/** Fails `failures` times, then gives 'done'. */
function flaky(failures: number, error: QuorateError) {
  let calls = 0;
  const operation = async (): Promise<string> => {
    if (++calls <= failures) throw error;
    return 'done';
  };
  return { operation, calls: () => calls };
}

describe('createRetry', () => {
  it('retries temporary failures until the operation succeeds', async () => {
    const waits: number[] = [];
    const retry = createRetry({ firstMs: 1, maxMs: 2, seed: 1 }, (_, waitMs) => waits.push(waitMs));
    const { operation, calls } = flaky(4, fault('CONNECTION_FAILED'));
    expect(await retry.run(operation, signal)).equal('done');
    expect(calls()).equal(5);
    expect(waits).length(4);
  });

  it('does not retry permanent failures', async () => {
    for (const code of ['ROUND_CLOSED', 'UNAUTHORIZED', 'BAD_RESPONSE', 'CONFLICTING_UPDATE'] as const) {
      const { operation, calls } = flaky(1, fault(code));
      await expectRefusal(() => createRetry({ firstMs: 1 }).run(operation, signal), code);
      expect(calls()).equal(1);
    }
    expect(isTemporary(new Error('mine'))).equal(false);
  });

  it('waits at random below a bound that doubles up to maxMs', () => {
    const retry = createRetry({ firstMs: 100, maxMs: 1000, seed: 7 });
    const longest = [1, 2, 3, 4, 5, 6].map((failures) =>
      Math.max(...Array.from({ length: 400 }, () => retry.waitMs(failures))),
    );
    [100, 200, 400, 800, 1000, 1000].forEach((bound, index) => {
      expect(longest[index]).within(bound * 0.9, bound);
    });
    const shortest = Math.min(...Array.from({ length: 400 }, () => retry.waitMs(6)));
    expect(shortest).below(100);
  });

  it('bounds its waits by the caller’s longestMs', async () => {
    const waits: number[] = [];
    const retry = createRetry({ firstMs: 100_000, maxMs: 100_000, seed: 1 }, (_, waitMs) =>
      waits.push(waitMs),
    );
    await retry.run(flaky(3, fault('CONNECTION_FAILED')).operation, signal, 2);
    expect(Math.max(...waits)).below(2);
  });

  it('draws the same waits from the same seed', () => {
    const waits = (seed: number) => {
      const retry = createRetry({ seed });
      return [1, 2, 3].map((failures) => retry.waitMs(failures));
    };
    expect(waits(3)).deep.equal(waits(3)).and.not.deep.equal(waits(4));
  });

  it('waits no less than Retry-After says', () => {
    const retry = createRetry({ firstMs: 10, seed: 1 });
    expect(retry.waitMs(1, fault('RATE_LIMITED', { retryAfterMs: 5000 }))).within(5000, 5010);
  });

  it('throws the last error when the next wait would end after giveUpAfterMs', async () => {
    const { operation, calls } = flaky(9, fault('SHUTTING_DOWN', { retryAfterMs: 100 }));
    const retry = createRetry({ firstMs: 1, giveUpAfterMs: 50 });
    await expectRefusal(() => retry.run(operation, signal), 'SHUTTING_DOWN');
    expect(calls()).equal(1);
  });

  it('ends its wait when the signal is aborted', async () => {
    const controller = new AbortController();
    const retry = createRetry({ firstMs: 2 ** 30, maxMs: 2 ** 30, giveUpAfterMs: Infinity }, () =>
      controller.abort(),
    );
    const { operation } = flaky(1, fault('CONNECTION_FAILED'));
    await expectRefusal(() => retry.run(operation, controller.signal), 'ABORTED');
  });

  it('refuses options that it does not have or that make no sense', async () => {
    await expectRefusal(() => createRetry({ first: 1 } as object), 'UNKNOWN_PARAMETER');
    await expectRefusal(() => createRetry({ firstMs: 0 }), 'INVALID_PARAMETER');
    await expectRefusal(() => createRetry({ firstMs: 10, maxMs: 5 }), 'INVALID_PARAMETER');
    await expectRefusal(() => createRetry({ seed: -1 }), 'INVALID_PARAMETER');
  });
});
