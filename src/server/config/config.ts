/** The server's configuration: what there is to decide, and what is decided where nobody says. */
import { z } from 'zod';
import { sessionConfigSchema } from '../../protocol/sessionConfig.js';

const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const bytes = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Stands for a secret wherever a configuration is shown. */
export const REDACTED = '....not-shown....';

/** Tokens travel in a header: visible ASCII characters, and long enough not to be guessed. */
const secretSchema = z
  .string()
  .regex(/^[A-Za-z0-9._~+/=-]{16,256}$/, 'must be 16 to 256 letters, digits, or any of . _ ~ + / = -')
  .nullable()
  .default(null);

const listenSchema = z.strictObject({
  host: z.string().min(1).max(255).default('127.0.0.1').describe('address or name to listen on'),
  port: z.int().min(0).max(65_535).default(8080).describe('0: any that is free'),
});

const storeSchema = z.strictObject({
  keepRounds: z.int().min(0).default(10).describe('committed rounds whose updates are kept'),
  keepCheckpoints: z.int().min(1).default(10).describe('models that are kept beside the initial one'),
  digests: z.boolean().default(true).describe('take the SHA-256 of each update while it arrives'),
});

const authSchema = z.strictObject({
  enabled: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe('ask for tokens; auto: when listening beyond this machine'),
  adminToken: secretSchema.describe('allows everything; none: a random one is made at each start'),
  enrollmentToken: secretSchema.describe('allows registering new nodes and nothing else'),
});

const corsSchema = z.strictObject({
  origins: z
    .array(
      z
        .string()
        .regex(/^(\*|https?:\/\/[^/\s]+)$/, 'must be * or an origin such as https://example.org')
        .max(300),
    )
    .default([])
    .describe('origins whose pages may use this server; * for all'),
});

const limitsSchema = z.strictObject({
  requestsPerMinute: z
    .strictObject({
      address: z.int().min(1).nullable().default(60_000).describe('from an address; null: no limit'),
      node: z.int().min(1).nullable().default(6_000).describe('by a node with a token; null: no limit'),
    })
    .prefault({}),
  jsonBytes: bytes.default(1_048_576).describe('most bytes of a JSON body'),
  modelBytes: bytes.default(2 ** 31).describe('most bytes of an initial model'),
  aggregateBytes: bytes.default(2 ** 28).describe('most bytes of updates to aggregate at once'),
  bodiesBytes: bytes
    .default(2 ** 32)
    .describe('most bytes of models, of updates to aggregate and of JSON that are held at once'),
  connections: z.int().min(1).default(10_000).describe('most connections at once'),
  headersTimeoutMs: milliseconds.default(10_000).describe('for the head of a request to arrive'),
  bodyStallMs: milliseconds
    .default(30_000)
    .describe(
      'a body of which less than 1 KiB/s came, or an answer of which nothing could be sent, for so long is cut off',
    ),
  socketBufferBytes: bytes
    .default(1_048_576)
    .describe('events that a reader may leave unread before it is dropped'),
  socketPingMs: milliseconds.default(15_000).describe('between pings of event sockets; one missed ends them'),
});

const livenessSchema = z.strictObject({
  heartbeatMs: milliseconds.default(5_000).describe('how often a node should be heard'),
  suspectAfter: z.int().min(1).default(2).describe('missed heartbeats until a node is suspect'),
  lostAfter: z.int().min(1).default(4).describe('missed heartbeats until a node is lost'),
});

const engineSchema = z.strictObject({
  threads: z
    .int()
    .min(1)
    .max(1024)
    .nullable()
    .default(null)
    .describe('compute threads; null: one a processor'),
  memoryLimitBytes: bytes.nullable().default(null).describe("bound on the core's memory; null: 4 GiB"),
});

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export const configSchema = z.strictObject({
  listen: listenSchema.prefault({}),
  dataFolder: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('where rounds are kept; null: in memory only'),
  store: storeSchema.prefault({}),
  auth: authSchema.prefault({}),
  cors: corsSchema.prefault({}),
  trustProxy: z.boolean().default(false).describe('take the address of a client from X-Forwarded-For'),
  limits: limitsSchema.prefault({}),
  liveness: livenessSchema.prefault({}),
  logLevel: z.enum(logLevels).default('info').describe('the least that is logged'),
  engine: engineSchema.prefault({}),
  shutdownDeadlineMs: milliseconds
    .default(10_000)
    .describe('for what is under way to finish when the server ends'),
  sessions: z.array(sessionConfigSchema).max(1000).default([]).describe('created at the start'),
});

export type ServerConfig = z.output<typeof configSchema>;
export type ServerConfigInput = z.input<typeof configSchema>;

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether requests need a token. */
export function isAuthOn({ auth, listen }: Pick<ServerConfig, 'auth' | 'listen'>): boolean {
  return auth.enabled === 'auto' ? !loopback.test(listen.host) : auth.enabled;
}

/** The configuration without its secrets. */
export function redactConfig(config: ServerConfig): ServerConfig {
  const hide = (secret: string | null) => (secret === null ? null : REDACTED);
  const { adminToken, enrollmentToken } = config.auth;
  return {
    ...config,
    auth: { ...config.auth, adminToken: hide(adminToken), enrollmentToken: hide(enrollmentToken) },
  };
}
