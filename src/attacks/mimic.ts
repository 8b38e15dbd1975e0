import { z } from 'zod';
import { QuorateError } from '../errors.js';
import { defineAttack } from './attack.js';

/**
 * Every attacker sends a copy of one honest update. Nothing about it is an outlier; where nodes hold different
 * data, that one node's data simply counts too much.
 */
export const mimic = defineAttack({
  name: 'mimic',
  summary: 'A copy of one honest update.',
  source: 'Karimireddy et al. 2022 (arXiv:2006.09365)',
  parameters: z.strictObject({
    row: z.int().min(0).default(0).describe('which honest update is copied, counted from 0'),
  }),
  minHonest: 1,
  forge: (honest, { row }) => {
    if (row >= honest.length) {
      throw new QuorateError(
        'INVALID_PARAMETER',
        `mimic: row ${row} does not exist; there are ${honest.length}`,
        {
          parameter: 'row',
          value: row,
        },
      );
    }
    return honest[row]!;
  },
});
