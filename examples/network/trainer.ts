/**
 * The trainer of a node that holds a part of the MNIST digits:
 *
 *   quorate node --session digits --id node-03 --trainer examples/network/trainer.js --set node=3
 *
 * How to train is told by the session's `train` configuration (setting.ts), so that it is the same for all nodes. A
 * dishonest node has what a lone process has to lie with: its own digits and its own update.
 */
import type { Train } from '../../src/client/node.js';
import { flippedLabel, createTrainer as createDigitTrainer } from '../mnist/training.js';
import { loadDigits, split } from '../mnist/digits.js';
import { createNetwork } from '../mnist/network.js';
import { partition } from '../mnist/partition.js';
import { type Behavior, behaviors, type TrainConfig, trainConfigSchema } from './setting.js';

/** What the honest update is multiplied by. */
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

/** Read once, for however many nodes are in a process. */
let reading: ReturnType<typeof loadDigits> | undefined;

/** @throws RangeError for options that it doesn't have */
export async function createTrainer(options: NodeOptions): Promise<{ train: Train }> {
  const { node, behavior = 'honest' } = options;
  if (!Number.isSafeInteger(node) || node < 0) throw new RangeError('node must be a whole number');
  if (!behaviors.includes(behavior)) throw new RangeError(`behavior must be one of ${behaviors.join(', ')}`);
  const digits = await (reading ??= loadDigits());
  let work: ReturnType<typeof start> | undefined;

  const start = ({ seed, nodes, hidden, batchSize, momentum, testDigits }: TrainConfig) => {
    if (node >= nodes) throw new RangeError(`there are ${nodes} nodes; there is no node ${node}`);
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
