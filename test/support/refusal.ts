/** The error that work is refused with, whether it is thrown at once or comes as a rejection. */
import { expect } from 'chai';
import { QuorateError, type ErrorCode } from '../../src/errors.js';

export async function expectRefusal(work: () => unknown, code: ErrorCode): Promise<QuorateError> {
  let outcome: unknown;
  try {
    outcome = await work();
  } catch (error) {
    // Anything else is a fault of its own, and its stack says more than a comparison of codes.
    if (!(error instanceof QuorateError)) throw error;
    expect(error.code, error.message).equal(code);
    expect(error.message).not.equal('');
    return error;
  }
  return expect.fail(`expected ${code}, got ${JSON.stringify(outcome)}`);
}
