import * as z from 'zod';
import { defineAttack } from './attack.js';

/**
 * +∞ everywhere: averaging in one such update destroys a model for good.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const malicious = infinity().forge(honest, 3);
 */
export const infinity = defineAttack({
  name: 'infinity',
  summary: 'Infinity in every coordinate.',
  source: 'González et al. 2025 (arXiv:2505.24802)',
  parameters: z.strictObject({}),
  minHonest: 1,
  forge: (honest) => new Float32Array(honest[0]!.length).fill(Infinity),
});
