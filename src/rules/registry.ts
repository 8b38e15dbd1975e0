/** All rules by name. Adding one is its file and a line here. */
import { bulyan } from './bulyan.js';
import { caf } from './caf.js';
import { centeredClipping } from './centeredClipping.js';
import { cge } from './cge.js';
import { geometricMedian } from './geometricMedian.js';
import { krum } from './krum.js';
import { mda } from './mda.js';
import { meamed } from './meamed.js';
import { mean } from './mean.js';
import { median } from './median.js';
import { monna } from './monna.js';
import { multiKrum } from './multiKrum.js';
import { phocas } from './phocas.js';
import type { RuleFactory } from './rule.js';
import { signVote } from './signVote.js';
import { smea } from './smea.js';
import { trimmedMean } from './trimmedMean.js';

type Listed = Pick<RuleFactory, 'definition' | 'kind' | 'from'>;

export const ruleFactories: readonly Listed[] = [
  mean,
  median,
  trimmedMean,
  meamed,
  phocas,
  signVote,
  krum,
  multiKrum,
  bulyan,
  mda,
  monna,
  geometricMedian,
  centeredClipping,
  cge,
  caf,
  smea,
];
