/** The file of `quorate up`: what there is to say about a system, and what holds where nobody says. */
import { z } from 'zod';
import { encodings } from '../../core/codec.js';
import { nameSchema } from '../../protocol/names.js';
import { sessionConfigSchema } from '../../protocol/sessionConfig.js';
import { configSchema } from '../../server/config/config.js';
import { restartPolicies } from '../supervise/state.js';

const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

const isPattern = (text: string): boolean => {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
};

function isHostAndPort(text: string): boolean {
  const [, digits] = /^.+:(\d{1,5})$/.exec(text) ?? [];
  return Number(digits) >= 1 && Number(digits) <= 65_535;
}

const commandSchema = z.array(z.string().max(100_000)).min(1).max(1000);

const checkKinds = ['http', 'tcp', 'exec', 'line'] as const;

const healthSchema = z
  .strictObject({
    http: z.url({ protocol: /^https?$/ }).describe('an address that answers with 2xx'),
    tcp: z.string().refine(isHostAndPort, 'must be host:port').describe('host:port that takes connections'),
    exec: commandSchema.describe('a command that ends with 0'),
    line: z
      .string()
      .min(1)
      .max(1000)
      .refine(isPattern, 'must be a regular expression')
      .describe('a regular expression that a line of standard output matches; asked for once'),
  })
  .partial()
  .extend({
    intervalMs: milliseconds.default(30_000).describe('between checks'),
    timeoutMs: milliseconds.default(5_000).describe('of one check'),
    failures: z.int().min(1).max(1000).default(3).describe('one after the other, until it is restarted'),
  })
  .refine((health) => checkKinds.filter((kind) => health[kind] !== undefined).length <= 1, {
    message: `takes one of ${checkKinds.join(', ')}`,
  });

const restartsSchema = z.strictObject({
  max: z.int().min(0).max(1000).default(5).describe('in the window; then the component has failed'),
  windowMs: milliseconds.default(600_000),
  firstMs: milliseconds.default(1_000).describe('the first wait, doubled before each further restart'),
  maxMs: milliseconds.default(60_000).describe('the longest wait'),
});

/** What can be said of every component. */
const supervision = {
  dependsOn: z.array(z.string().min(1).max(100)).max(1000).default([]),
  env: z.record(z.string().regex(/^[^=\0]+$/, 'must be the name of a variable'), z.string()).default({}),
  cwd: z.string().min(1).default('.').describe('relative to the file'),
  health: healthSchema.prefault({}),
  restarts: restartsSchema.prefault({}),
  startDeadlineMs: milliseconds.default(60_000).describe('for it to be up'),
  stopDeadlineMs: milliseconds.default(15_000).describe('from SIGTERM to SIGKILL'),
};

const restartSchema = z.enum(restartPolicies);

const serverSchema = z.union(
  [
    z.url({ protocol: /^https?$/ }).describe('the address of a server that runs elsewhere'),
    z.strictObject({
      config: configSchema
        .extend({ dataFolder: configSchema.shape.dataFolder.unwrap().optional() })
        .prefault({})
        .describe('as `quorate serve` takes it; without a dataFolder it gets one'),
      ...supervision,
    }),
  ],
  'must be an address, or { config, … }',
);

const nodesSchema = z.strictObject({
  name: nameSchema.default('node').describe('node: node-1, node-2, …'),
  count: z.int().min(1).max(10_000).default(1),
  session: nameSchema,
  trainer: z.string().min(1).describe('a file, relative to the working directory, or the name of a package'),
  set: z
    .record(z.string().min(1), z.json())
    .default({})
    .describe("options of its createTrainer; '{number}' stands for the node's number, from 1"),
  encoding: z.enum(encodings).default('f32').describe('how updates are sent'),
  restart: restartSchema.default('on-failure'),
  ...supervision,
});

const sessionSchema = z
  .strictObject({
    config: sessionConfigSchema,
    model: z.string().min(1).optional().describe('the initial model: .npy or .safetensors'),
    zeros: z.int().min(1).optional().describe('an initial model of so many zeros'),
    start: z.boolean().default(true),
    ...supervision,
  })
  .refine(({ model, zeros }) => model === undefined || zeros === undefined, 'takes a model, or zeros')
  .refine(({ model, zeros, start }) => !start || model !== undefined || zeros !== undefined, {
    message: 'needs a model, or zeros, to be started',
  });

const componentSchema = z
  .strictObject({
    command: commandSchema.describe('a program and its arguments; no shell'),
    task: z.boolean().default(false).describe('it prepares something: it is up once it has ended with 0'),
    restart: restartSchema.default('always'),
    ...supervision,
  })
  .refine(({ task, health }) => !task || checkKinds.every((kind) => health[kind] === undefined), {
    message: 'a task is not checked',
  });

export const systemSchema = z.strictObject({
  server: serverSchema.optional(),
  sessions: z.array(sessionSchema).max(1000).default([]),
  nodes: z.array(nodesSchema).max(1000).default([]),
  components: z.record(nameSchema, componentSchema).default({}),
  whenDone: z
    .enum(['stop', 'stay'])
    .default('stop')
    .describe('what follows once all nodes have ended, and whatever else may complete'),
  status: z
    .strictObject({ port: z.int().min(0).max(65_535).default(0).describe('0: any that is free') })
    .prefault({}),
});

export type SystemConfig = z.output<typeof systemSchema>;
export type SystemConfigInput = z.input<typeof systemSchema>;
export type Supervision = Pick<z.output<typeof componentSchema>, keyof typeof supervision>;
