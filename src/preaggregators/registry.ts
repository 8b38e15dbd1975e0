/** All pre-aggregators by name. Adding one is its file and a line here. */
import { arc } from './arc.js';
import { bucketing } from './bucketing.js';
import { clipping } from './clipping.js';
import { nnm } from './nnm.js';
import type { PreaggregatorFactory } from './preaggregator.js';

type Listed = Pick<PreaggregatorFactory, 'definition' | 'kind' | 'from'>;

export const preaggregatorFactories: readonly Listed[] = [nnm, bucketing, clipping, arc];
