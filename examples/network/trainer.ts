/**
 * The trainer of a node that holds a part of the MNIST digits:
 *
 *   quorate node --session digits --id node-03 --trainer examples/network/trainer.js --set node=3
 *
 * The session's `train` setting (setting.ts) says how to train, the same for every node. A dishonest node knows only its
 * own digits and its own update.
 */
import type { Train } from '../../src/client/node.js';
import { flippedLabel, createTrainer as createDigitTrainer } from '../mnist/training.js';
import { loadDigits, split } from '../mnist/digits.js';
import { createNetwork } from '../mnist/network.js';
import { partition } from '../mnist/partition.js';
import { type Behavior, behaviors, type TrainConfig, trainConfigSchema } from './setting.js';

/** The factor that each behavior applies to the honest update. */
const factors: Readonly<Record<Behavior, number>> = {
  honest: 1,
  'label-flipping': 1,
  'sign-flipping': -1,
  'inner-product-manipulation': -3,
};

export interface NodeOptions {
  /** The node's number, from 0: which part of the digits it holds, and which batches it draws. */
  readonly node: number;
  readonly behavior?: Behavior;
}

/** Read once per process, however many nodes run in it. */
let reading: ReturnType<typeof loadDigits> | undefined;

/** @throws RangeError for invalid options */
export async function createTrainer(options: NodeOptions): Promise<{ train: Train }> {
  const { node, behavior = 'honest' } = options;
  if (!Number.isSafeInteger(node) || node < 0) throw new RangeError('node must be a non-negative integer');
  if (!behaviors.includes(behavior)) throw new RangeError(`behavior must be one of ${behaviors.join(', ')}`);
  const digits = await (reading ??= loadDigits());
  let work: ReturnType<typeof start> | undefined;

  const start = ({ seed, nodes, hidden, batchSize, momentum, testDigits }: TrainConfig) => {
    if (node >= nodes) throw new RangeError(`node must be less than ${nodes}; got ${node}`);
    const network = createNetwork(hidden);
    const { train } = split(digits, testDigits, seed);
    const held = partition(digits, train, nodes, { kind: 'uniform' }, seed)[node]!;
    const trainer = createDigitTrainer({
      network,
      digits,
      held,
      batchSize,
      momentum,
      seed,
      node,
      ...(behavior === 'label-flipping' && { labelOf: flippedLabel }),
    });
    return { batchSize, trainer, update: new Float32Array(network.d) };
  };

  return {
    train({ model, round, config }) {
      work ??= start(trainConfigSchema.parse(config));
      const { batchSize, trainer, update } = work;
      trainer.update(model.values, round, update);
      const factor = factors[behavior];
      for (let k = 0; k < update.length; k++) update[k]! *= factor;
      return { update, numExamples: batchSize };
    },
  };
}
