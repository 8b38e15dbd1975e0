import * as z from 'zod';
import { QuorateError } from '../errors.js';
import { defineAttack } from './attack.js';

/**
 * Every attacker sends a copy of one honest update. It is no outlier, but where nodes hold different data, that node's
 * data counts too much.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const malicious = mimic({ row: 0 }).forge(honest, 3);
 */
export const mimic = defineAttack({
  name: 'mimic',
  summary: 'A copy of one honest update.',
  source: 'Karimireddy et al. 2022 (arXiv:2006.09365)',
  parameters: z.strictObject({
    row: z.int().min(0).default(0).describe('index of the honest update to copy'),
  }),
  minHonest: 1,
  forge: (honest, { row }) => {
    if (row >= honest.length) {
      throw new QuorateError(
        'INVALID_PARAMETER',
        `mimic: row must be less than the number of honest updates (${honest.length}); got ${row}`,
        {
          parameter: 'row',
          value: row,
        },
      );
    }
    return honest[row]!;
  },
});
