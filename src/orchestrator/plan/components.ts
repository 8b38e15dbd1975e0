/** Turns a parsed system file into components. Pure: the free port and the secrets are passed in. */
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { QuorateError } from '../../errors.js';
import { program } from '../../manifest.js';
import { isAuthOn } from '../../server/config/config.js';
import { settings } from '../../server/config/loadConfig.js';
import type { Supervision, SystemConfig } from './systemConfig.js';
import type { Check, Component, Program } from './systemPlan.js';

export interface CompositionContext {
  /** The folder of the system file; relative paths in the file start here. */
  readonly folder: string;
  /** The folder where the system keeps its own files. */
  readonly stateFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Used by a server whose port is 0. */
  readonly freePort: number;
  /** Generates a token, for a server that requires tokens and has none configured. */
  readonly secret: () => string;
}

/** A file that is written before any component starts. */
export interface PlannedFile {
  /** Where it is written, as an absolute path. */
  readonly path: string;
  /** Its whole content. */
  readonly text: string;
}

export interface Composition {
  readonly components: readonly Component[];
  readonly files: readonly PlannedFile[];
  /** The server's URL; null if the system has no server. */
  readonly server: string | null;
  /** The server's admin token; null if the server requires no tokens. */
  readonly adminToken: string | null;
}

/** The command line of `quorate` with these arguments. */
const quorate = (...args: readonly string[]): string[] => [process.execPath, program, ...args];

/** What the other components need to know about the server. */
interface PlannedServer {
  readonly url: string | null;
  readonly dependsOn: readonly string[];
  readonly tokens: { readonly admin: string; readonly enrollment: string } | null;
  readonly components: readonly Component[];
  readonly files: readonly PlannedFile[];
}

/**
 * @throws QuorateError INVALID_PARAMETER if a component needs a server and there is none, if two components have the
 *   same name, and if there is nothing to start
 */
export function compose(config: SystemConfig, context: CompositionContext): Composition {
  const server = serverOf(config, context);
  const sessions = config.sessions.map((session) => sessionOf(session, server, context));
  const known = new Set(config.sessions.map(({ config }) => config.id));
  const nodes = config.nodes.flatMap((group) => nodesOf(group, known, server, context));
  const others = Object.entries(config.components).map(([name, given]) => {
    const { command, task, restart } = given;
    const own = { name, command, restart, ...(task && { upWhen: 'done' as const }) };
    return component(given, context, own, variablesOf(server));
  });

  const components = [...server.components, ...sessions.map((one) => one.component), ...nodes, ...others];
  if (components.length === 0) {
    throw new QuorateError('INVALID_PARAMETER', 'nothing to start: the file defines no components');
  }
  const names = new Set<string>();
  for (const { name } of components) {
    if (names.has(name)) {
      throw new QuorateError('INVALID_PARAMETER', `two components are named ${name}`, { component: name });
    }
    names.add(name);
  }
  return {
    components,
    files: [...server.files, ...sessions.map(({ file }) => file)],
    server: server.url,
    adminToken: server.tokens?.admin ?? null,
  };
}

function serverOf({ server }: SystemConfig, context: CompositionContext): PlannedServer {
  if (server === undefined || typeof server === 'string') {
    return { url: server ?? null, dependsOn: [], tokens: null, components: [], files: [] };
  }
  const { freePort, secret, stateFolder } = context;
  const { listen, auth, dataFolder = join(stateFolder, 'rounds') } = server.config;
  const port = listen.port === 0 ? freePort : listen.port;
  const tokens = isAuthOn(server.config)
    ? { admin: auth.adminToken ?? secret(), enrollment: auth.enrollmentToken ?? secret() }
    : null;
  const whole = {
    ...server.config,
    dataFolder,
    listen: { ...listen, port },
    ...(tokens && {
      auth: { ...auth, adminToken: tokens.admin, enrollmentToken: tokens.enrollment },
    }),
  };
  const url = `http://${reachable(listen.host)}:${port}`;
  const path = join(stateFolder, 'server.yaml');
  // The file holds its whole configuration; variables meant for another server must not change it.
  const unset = Object.fromEntries(settings.map(({ variable }) => [variable, undefined]));
  const own = { name: 'server', command: quorate('serve', '--config', path), restart: 'always' } as const;
  const check: Check = { kind: 'http', url: `${url}/health/ready` };
  return {
    url,
    dependsOn: ['server'],
    tokens,
    components: [component(server, context, { check, ...own }, unset)],
    files: [{ path, text: stringify(whole) }],
  };
}

/** The host name under which this machine reaches a server listening on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function sessionOf(
  session: SystemConfig['sessions'][number],
  server: PlannedServer,
  context: CompositionContext,
): { readonly component: Component; readonly file: PlannedFile } {
  const { config, model, zeros, start } = session;
  requireServer(server, `session ${config.id}`);
  const path = join(context.stateFolder, `session-${config.id}.json`);
  const command = quorate(
    ...['session', 'create', path, '--once'],
    ...(model === undefined ? [] : ['--model', model]),
    ...(zeros === undefined ? [] : ['--zeros', String(zeros)]),
    ...(start ? ['--start'] : []),
  );
  const token = server.tokens && { QUORATE_TOKEN: server.tokens.admin };
  const own = { name: sessionName(config.id), command, restart: 'on-failure', upWhen: 'done' } as const;
  return {
    component: component(
      session,
      context,
      { ...own, dependsOn: server.dependsOn },
      variablesOf(server, token),
    ),
    file: { path, text: JSON.stringify(config, undefined, 2) },
  };
}

const sessionName = (id: string): string => `session-${id}`;

function nodesOf(
  group: SystemConfig['nodes'][number],
  sessions: ReadonlySet<string>,
  server: PlannedServer,
  context: CompositionContext,
): Component[] {
  const { name, count, session, trainer, set, encoding, restart } = group;
  requireServer(server, `node ${name}`);
  const dependsOn = sessions.has(session) ? [sessionName(session)] : server.dependsOn;
  return Array.from({ length: count }, (_, index) => {
    const id = `${name}-${index + 1}`;
    const options = Object.entries(set).flatMap(([key, value]) => [
      '--set',
      `${key}=${JSON.stringify(value === '{number}' ? index + 1 : value)}`,
    ]);
    const command = quorate(
      ...['node', '--session', session, '--id', id, '--trainer', trainer, '--encoding', encoding],
      ...(server.tokens ? ['--token-file', join(context.stateFolder, `${id}.token`)] : []),
      ...options,
    );
    const token = server.tokens && { QUORATE_ENROLLMENT_TOKEN: server.tokens.enrollment };
    return component(group, context, { name: id, command, restart, dependsOn }, variablesOf(server, token));
  });
}

/** @throws QuorateError INVALID_PARAMETER */
function requireServer({ url }: PlannedServer, who: string): void {
  if (url !== null) return;
  throw new QuorateError('INVALID_PARAMETER', `${who} needs a server, and the file defines none`, {
    parameter: 'server',
  });
}

const variablesOf = (
  { url }: PlannedServer,
  more: Readonly<Record<string, string>> | null = null,
): Record<string, string> => ({ ...(url !== null && { QUORATE_SERVER: url }), ...more });

/** The fields that depend on the kind of component. */
type OwnFields = Pick<Component, 'name' | 'command' | 'restart'> &
  Partial<Pick<Component, 'upWhen' | 'dependsOn' | 'check'>>;

function component(
  given: Supervision,
  { folder, environment }: CompositionContext,
  own: OwnFields,
  variables: Program['env'],
): Component {
  const { health, restarts, startDeadlineMs, stopDeadlineMs } = given;
  const check = checkOf(health) ?? own.check ?? { kind: 'none' };
  const isPolled = check.kind !== 'none' && check.kind !== 'line';
  return {
    name: own.name,
    command: own.command,
    cwd: resolve(folder, given.cwd),
    env: { ...environment, ...variables, ...given.env },
    dependsOn: [...new Set([...(own.dependsOn ?? []), ...given.dependsOn])],
    restart: own.restart,
    upWhen: own.upWhen ?? (check.kind === 'none' ? 'started' : 'checked'),
    check,
    intervalMs: isPolled ? health.intervalMs : null,
    timeoutMs: health.timeoutMs,
    failures: health.failures,
    restarts,
    startDeadlineMs,
    stopDeadlineMs,
  };
}

function checkOf({ http, tcp, exec, line }: Supervision['health']): Check | null {
  if (http !== undefined) return { kind: 'http', url: http };
  if (exec !== undefined) return { kind: 'exec', command: exec };
  if (line !== undefined) return { kind: 'line', pattern: line };
  if (tcp === undefined) return null;
  const at = tcp.lastIndexOf(':');
  return { kind: 'tcp', host: tcp.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(tcp.slice(at + 1)) };
}
