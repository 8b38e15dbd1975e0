/** The system file that `quorate up` reads: its settings and their defaults. */
import * as z from 'zod';
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
    http: z.url({ protocol: /^https?$/ }).describe('a URL that responds with a 2xx status'),
    tcp: z.string().refine(isHostAndPort, 'must be host:port').describe('host:port that accepts connections'),
    exec: commandSchema.describe('a command that exits with 0'),
    line: z
      .string()
      .min(1)
      .max(1000)
      .refine(isPattern, 'must be a regular expression')
      .describe('a regular expression that must match a line of standard output once'),
  })
  .partial()
  .extend({
    intervalMs: milliseconds.default(30_000).describe('time between checks'),
    timeoutMs: milliseconds.default(5_000).describe('how long one check may take'),
    failures: z.int().min(1).max(1000).default(3).describe('consecutive failed checks before a restart'),
  })
  .refine((health) => checkKinds.filter((kind) => health[kind] !== undefined).length <= 1, {
    message: `takes only one of ${checkKinds.join(', ')}`,
  });

const restartsSchema = z.strictObject({
  max: z
    .int()
    .min(0)
    .max(1000)
    .default(5)
    .describe('restarts per window; after that the component has failed'),
  windowMs: milliseconds.default(600_000),
  firstMs: milliseconds.default(1_000).describe('the first delay, doubled before each further restart'),
  maxMs: milliseconds.default(60_000).describe('the longest delay'),
});

/** Settings that every component takes. */
const supervision = {
  dependsOn: z.array(z.string().min(1).max(100)).max(1000).default([]),
  env: z
    .record(z.string().regex(/^[^=\0]+$/, 'must be the name of an environment variable'), z.string())
    .default({}),
  cwd: z.string().min(1).default('.').describe('working directory, relative to the file'),
  health: healthSchema.prefault({}),
  restarts: restartsSchema.prefault({}),
  startDeadlineMs: milliseconds.default(60_000).describe('how long it may take to come up'),
  stopDeadlineMs: milliseconds.default(15_000).describe('time between SIGTERM and SIGKILL'),
};

const restartSchema = z.enum(restartPolicies);

const serverSchema = z.union(
  [
    z.url({ protocol: /^https?$/ }).describe('the URL of a server that runs elsewhere'),
    z.strictObject({
      config: configSchema
        .extend({ dataFolder: configSchema.shape.dataFolder.unwrap().optional() })
        .prefault({})
        .describe('the configuration of `quorate serve`; dataFolder defaults to a folder of the system'),
      ...supervision,
    }),
  ],
  'must be a URL or { config, … }',
);

const nodesSchema = z.strictObject({
  name: nameSchema.default('node').describe('the nodes are named node-1, node-2, …'),
  count: z.int().min(1).max(10_000).default(1),
  session: nameSchema,
  trainer: z.string().min(1).describe('a file, relative to the working directory, or a package'),
  set: z
    .record(z.string().min(1), z.json())
    .default({})
    .describe("options of createTrainer; '{number}' is replaced by the node's number, from 1"),
  encoding: z.enum(encodings).default('f32').describe('how updates are sent'),
  restart: restartSchema.default('on-failure'),
  ...supervision,
});

const sessionSchema = z
  .strictObject({
    config: sessionConfigSchema,
    model: z.string().min(1).optional().describe('the initial model: .npy or .safetensors'),
    zeros: z.int().min(1).optional().describe('the length of an initial model of zeros'),
    start: z.boolean().default(true),
    ...supervision,
  })
  .refine(({ model, zeros }) => model === undefined || zeros === undefined, 'takes either model or zeros')
  .refine(({ model, zeros, start }) => !start || model !== undefined || zeros !== undefined, {
    message: 'needs model or zeros to start',
  });

const componentSchema = z
  .strictObject({
    command: commandSchema.describe('a program and its arguments, run without a shell'),
    task: z.boolean().default(false).describe('a preparatory step: up once it exits with 0'),
    restart: restartSchema.default('always'),
    ...supervision,
  })
  .refine(({ task, health }) => !task || checkKinds.every((kind) => health[kind] === undefined), {
    message: 'a task has no health check',
  });

/** The schema of a system file. docs/orchestrator.md describes it. */
export const systemSchema = z.strictObject({
  server: serverSchema.optional(),
  sessions: z.array(sessionSchema).max(1000).default([]),
  nodes: z.array(nodesSchema).max(1000).default([]),
  components: z.record(nameSchema, componentSchema).default({}),
  whenDone: z
    .enum(['stop', 'stay'])
    .default('stop')
    .describe('whether the system stops once every component that can complete has ended'),
  status: z
    .strictObject({ port: z.int().min(0).max(65_535).default(0).describe('0 picks a free port') })
    .prefault({}),
});

/** A system file after parsing, with every default filled in. */
export type SystemConfig = z.output<typeof systemSchema>;
/** A system file as it is written, without its defaults. */
export type SystemConfigInput = z.input<typeof systemSchema>;
/** The settings that every component takes. */
export type Supervision = Pick<z.output<typeof componentSchema>, keyof typeof supervision>;
