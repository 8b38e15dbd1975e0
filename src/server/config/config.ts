/** The server's configuration: every setting with its range, default and description. */
import * as z from 'zod';
import { QuorateError } from '../../errors.js';
import { sessionConfigSchema } from '../../protocol/sessionConfig.js';
import { subnetOf } from './addresses.js';

const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const bytes = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Replaces secrets when a configuration is shown. */
export const REDACTED = '....not-shown....';

/**
 * Tokens are sent in a header, so they consist of visible ASCII characters; the length keeps them hard to guess. Blanks and
 * line breaks around them are dropped: files and variables often end with one.
 */
const secretSchema = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9._~+/=-]{16,256}$/, 'must be 16 to 256 characters: letters, digits, . _ ~ + / = -')
  .nullable()
  .default(null);

const listenSchema = z.strictObject({
  host: z.string().min(1).max(255).default('127.0.0.1').describe('address or host name to listen on'),
  port: z.int().min(0).max(65_535).default(8080).describe('TCP port; 0 picks a free one'),
  hosts: z
    .array(
      z
        .string()
        .max(255)
        .regex(/^[A-Za-z0-9_]([A-Za-z0-9_-]|\.(?!\.))*$/, 'must be a host name, without a scheme or a port'),
    )
    .max(100)
    .default([])
    .describe(
      "host names that requests may be sent to, besides addresses, localhost and, beyond loopback, the machine's name",
    ),
});

const storeSchema = z.strictObject({
  keepRounds: z.int().min(0).default(10).describe('how many committed rounds keep their updates'),
  keepCheckpoints: z.int().min(1).default(10).describe('how many models are kept besides the initial one'),
  digests: z.boolean().default(true).describe('compute the SHA-256 of each update as it arrives'),
});

const authSchema = z.strictObject({
  enabled: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe(
      'whether requests need a token; auto: unless the server listens on the loopback interface only',
    ),
  adminToken: secretSchema.describe('grants full access; null: a random one is generated at each start'),
  enrollmentToken: secretSchema.describe('grants the registration of new nodes, nothing else'),
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
    .describe('origins whose pages may use this server; * allows all'),
});

const limitsSchema = z.strictObject({
  requestsPerMinute: z
    .strictObject({
      address: z.int().min(1).nullable().default(60_000).describe('per client address; null: unlimited'),
      node: z
        .int()
        .min(1)
        .nullable()
        .default(6_000)
        .describe('per node that sends its token; null: unlimited'),
    })
    .prefault({}),
  jsonBytes: bytes.default(1_048_576).describe('maximum size of a JSON body'),
  modelBytes: bytes.default(2 ** 31).describe('maximum size of an initial model'),
  aggregateBytes: bytes.default(2 ** 28).describe('maximum size of the updates in one POST /v1/aggregate'),
  bodiesBytes: bytes
    .default(2 ** 32)
    .describe('maximum total size of the request bodies held in memory: models, updates to aggregate, JSON'),
  nodes: z.int().min(1).default(10_000).describe('maximum number of registered nodes'),
  connections: z.int().min(1).default(10_000).describe('maximum number of open connections'),
  headersTimeoutMs: milliseconds
    .default(10_000)
    .describe('how long the head of a request may take to arrive'),
  bodyStallMs: milliseconds
    .default(30_000)
    .describe(
      'after how long a stalled transfer is cut off: a request body below 1 KiB/s, or a response that the client does not read',
    ),
  socketBufferBytes: bytes
    .default(1_048_576)
    .describe('how many bytes of unread events disconnect an event socket'),
  socketPingMs: milliseconds
    .default(15_000)
    .describe('time between pings of an event socket, which must answer before the next one'),
});

const livenessSchema = z.strictObject({
  heartbeatMs: milliseconds.default(5_000).describe('how often nodes send a heartbeat'),
  suspectAfter: z.int().min(1).default(2).describe('missed heartbeats after which a node is suspect'),
  lostAfter: z.int().min(1).default(4).describe('missed heartbeats after which a node is lost'),
});

const engineSchema = z.strictObject({
  threads: z
    .int()
    .min(1)
    .max(1024)
    .nullable()
    .default(null)
    .describe('compute threads; null: one per processor'),
  memoryLimitBytes: bytes
    .nullable()
    .default(null)
    .describe('maximum memory of the WebAssembly core; null: 4 GiB'),
});

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/**
 * Validates a server configuration and fills in the defaults. `loadConfig` is the usual way to get one; use the schema for
 * a configuration made in code.
 *
 * @example
 * const config = configSchema.parse({ listen: { port: 0 }, dataFolder: 'data' });
 */
export const configSchema = z.strictObject({
  listen: listenSchema.prefault({}),
  dataFolder: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('folder of the store; null keeps everything in memory'),
  store: storeSchema.prefault({}),
  auth: authSchema.prefault({}),
  cors: corsSchema.prefault({}),
  trustProxy: z
    .union([
      z.int().min(0).max(100),
      z
        .array(
          z
            .string()
            .refine((text) => subnetOf(text) !== null, 'must be an address or a subnet, such as 10.0.0.0/8'),
        )
        .min(1)
        .max(100),
    ])
    .default(0)
    .describe(
      'proxies whose Forwarded and X-Forwarded-* headers are believed: how many there are, or their addresses and subnets',
    ),
  limits: limitsSchema.prefault({}),
  liveness: livenessSchema.prefault({}),
  logLevel: z.enum(logLevels).default('info').describe('least severe level that is logged'),
  engine: engineSchema.prefault({}),
  shutdownDeadlineMs: milliseconds
    .default(10_000)
    .describe('how long shutdown waits for requests in progress'),
  sessions: z.array(sessionConfigSchema).max(1000).default([]).describe('sessions to create at startup'),
});

/** A complete configuration. */
export type ServerConfig = z.output<typeof configSchema>;
/** A configuration as it is written: settings with a default may be left out. */
export type ServerConfigInput = z.input<typeof configSchema>;

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether only this machine can reach a host that is listened on. */
export const isLoopback = (host: string): boolean => loopback.test(host);

/** Whether requests need a token: as configured, or, with 'auto', unless the host is a loopback address. */
export function isAuthOn({ auth, listen }: Pick<ServerConfig, 'auth' | 'listen'>): boolean {
  return auth.enabled === 'auto' ? !isLoopback(listen.host) : auth.enabled;
}

/**
 * A proxy's requests come from an address that seems to be this machine's own, so a server behind one needs tokens.
 *
 * @throws QuorateError INVALID_PARAMETER if `trustProxy` is set and no tokens are required
 */
export function requireTokensBehindProxy(config: ServerConfig): void {
  if (config.trustProxy === 0 || isAuthOn(config)) return;
  const message =
    'the configuration: trustProxy: a server behind a proxy needs tokens: set auth.enabled to true';
  throw new QuorateError('INVALID_PARAMETER', message, { parameter: 'trustProxy' });
}

/** A copy of the configuration in which a placeholder replaces each secret. */
export function redactConfig(config: ServerConfig): ServerConfig {
  const hide = (secret: string | null) => (secret === null ? null : REDACTED);
  const { adminToken, enrollmentToken } = config.auth;
  return {
    ...config,
    auth: { ...config.auth, adminToken: hide(adminToken), enrollmentToken: hide(enrollmentToken) },
  };
}
