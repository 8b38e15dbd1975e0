import { z } from 'zod';
import { defineAttack } from './attack.js';

/** +∞ everywhere: one such update, averaged in, destroys a model for good. */
export const infinity = defineAttack({
  name: 'infinity',
  summary: 'Infinity in every coordinate.',
  source: 'González et al. 2025 (arXiv:2505.24802)',
  parameters: z.strictObject({}),
  minHonest: 1,
  forge: (honest) => new Float32Array(honest[0]!.length).fill(Infinity),
});
