/** What the network demo trains: ten nodes on MNIST digits, the last three of them dishonest. */
import * as z from 'zod';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';

export const behaviors = ['honest', 'label-flipping', 'sign-flipping', 'inner-product-manipulation'] as const;
export type Behavior = (typeof behaviors)[number];

export interface Setting {
  readonly nodes: number;
  /** One entry per dishonest node; they are the last nodes. */
  readonly dishonest: readonly Exclude<Behavior, 'honest'>[];
  readonly pipeline: string;
  readonly rounds: number;
  /** Determines the split of the digits, the initial model and the batches. */
  readonly seed: number;
}

/** The same as in the demo in one process. */
export const LEARNING_RATE = 1.5;

/** The session's `train` setting, which every node receives. */
export const trainConfigSchema = z.strictObject({
  seed: z.int(),
  nodes: z.int().min(1),
  hidden: z.int().min(4),
  batchSize: z.int().min(1),
  momentum: z.number().min(0).lt(1),
  testDigits: z.int().min(1),
});
export type TrainConfig = z.output<typeof trainConfigSchema>;

export const trainConfigOf = ({ seed, nodes }: Setting): TrainConfig => ({
  seed,
  nodes,
  hidden: 32,
  batchSize: 16,
  momentum: 0.9,
  testDigits: 1000,
});

export const behaviorOf = ({ nodes, dishonest }: Setting, node: number): Behavior =>
  dishonest[node - (nodes - dishonest.length)] ?? 'honest';

/** 'node-03': padded, so that names sort by number. */
export const nodeName = (node: number): string => `node-${String(node).padStart(2, '0')}`;

/** The quorum is every node, so that the whole run is a function of the setting. */
export const sessionOf = (setting: Setting, id: string): SessionConfigInput => ({
  id,
  pipeline: setting.pipeline,
  updates: 'gradient',
  learningRate: { first: LEARNING_RATE, decay: 'linear' },
  rounds: setting.rounds,
  quorum: setting.nodes,
  train: { ...trainConfigOf(setting) },
});
