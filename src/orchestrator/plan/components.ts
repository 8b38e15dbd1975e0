/** Turns a system's file into components: pure, but for the port that is free, which is given. */
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { QuorateError } from '../../errors.js';
import { program } from '../../manifest.js';
import { isAuthOn } from '../../server/config/config.js';
import { settings } from '../../server/config/loadConfig.js';
import type { Supervision, SystemConfig } from './systemConfig.js';
import type { Check, Component, Program } from './systemPlan.js';

export interface CompositionContext {
  /** Where the file is: what relative paths in it start from. */
  readonly folder: string;
  /** Where the system keeps its own files. */
  readonly stateFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For a server whose port is 0. */
  readonly freePort: number;
  /** Makes a secret, for a server that asks for tokens and has none. */
  readonly secret: () => string;
}

/** A file that must be there before anything is started. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
}

export interface Composition {
  readonly components: readonly Component[];
  readonly files: readonly PlannedFile[];
  /** The server's address; null: there is none. */
  readonly server: string | null;
  /** Of the server, where it asks for tokens. */
  readonly adminToken: string | null;
}

const quorate = (...line: readonly string[]): string[] => [process.execPath, program, ...line];

/** The server as the others see it. */
interface PlannedServer {
  readonly url: string | null;
  readonly dependsOn: readonly string[];
  readonly tokens: { readonly admin: string; readonly enrollment: string } | null;
  readonly components: readonly Component[];
  readonly files: readonly PlannedFile[];
}

/** @throws QuorateError INVALID_PARAMETER for what needs a server where there is none, for a name given twice, and for nothing to start */
export function compose(config: SystemConfig, around: CompositionContext): Composition {
  const server = serverOf(config, around);
  const sessions = config.sessions.map((session) => sessionOf(session, server, around));
  const known = new Set(config.sessions.map(({ config }) => config.id));
  const nodes = config.nodes.flatMap((group) => nodesOf(group, known, server, around));
  const others = Object.entries(config.components).map(([name, given]) => {
    const { command, task, restart } = given;
    const needs = { name, command, restart, ...(task && { upWhen: 'done' as const }) };
    return component(given, around, needs, variablesOf(server));
  });

  const components = [...server.components, ...sessions.map((one) => one.component), ...nodes, ...others];
  if (components.length === 0) {
    throw new QuorateError('INVALID_PARAMETER', 'there is nothing to start: the file names no component');
  }
  const names = new Set<string>();
  for (const { name } of components) {
    if (names.has(name)) {
      throw new QuorateError('INVALID_PARAMETER', `two components are called ${name}`, { component: name });
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

function serverOf({ server }: SystemConfig, around: CompositionContext): PlannedServer {
  if (server === undefined || typeof server === 'string') {
    return { url: server ?? null, dependsOn: [], tokens: null, components: [], files: [] };
  }
  const { freePort, secret, stateFolder } = around;
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
  // Its configuration is all in the file: a variable meant for another server changes nothing.
  const unset = Object.fromEntries(settings.map(({ variable }) => [variable, undefined]));
  const needs = { name: 'server', command: quorate('serve', '--config', path), restart: 'always' } as const;
  const check: Check = { kind: 'http', url: `${url}/health/ready` };
  return {
    url,
    dependsOn: ['server'],
    tokens,
    components: [component(server, around, { check, ...needs }, unset)],
    files: [{ path, text: stringify(whole) }],
  };
}

/** How this machine reaches whoever listens there. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function sessionOf(
  session: SystemConfig['sessions'][number],
  server: PlannedServer,
  around: CompositionContext,
): { readonly component: Component; readonly file: PlannedFile } {
  const { config, model, zeros, start } = session;
  requireServer(server, `session ${config.id}`);
  const path = join(around.stateFolder, `session-${config.id}.json`);
  const command = quorate(
    ...['session', 'create', path, '--once'],
    ...(model === undefined ? [] : ['--model', model]),
    ...(zeros === undefined ? [] : ['--zeros', String(zeros)]),
    ...(start ? ['--start'] : []),
  );
  const token = server.tokens && { QUORATE_TOKEN: server.tokens.admin };
  const needs = { name: sessionName(config.id), command, restart: 'on-failure', upWhen: 'done' } as const;
  return {
    component: component(
      session,
      around,
      { ...needs, dependsOn: server.dependsOn },
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
  around: CompositionContext,
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
      ...(server.tokens ? ['--token-file', join(around.stateFolder, `${id}.token`)] : []),
      ...options,
    );
    const token = server.tokens && { QUORATE_ENROLLMENT_TOKEN: server.tokens.enrollment };
    return component(group, around, { name: id, command, restart, dependsOn }, variablesOf(server, token));
  });
}

/** @throws QuorateError INVALID_PARAMETER */
function requireServer({ url }: PlannedServer, whose: string): void {
  if (url !== null) return;
  throw new QuorateError('INVALID_PARAMETER', `${whose} needs a server, and the file names none`, {
    parameter: 'server',
  });
}

const variablesOf = (
  { url }: PlannedServer,
  more: Readonly<Record<string, string>> | null = null,
): Record<string, string> => ({ ...(url !== null && { QUORATE_SERVER: url }), ...more });

/** What a kind of component decides itself. */
type Own = Pick<Component, 'name' | 'command' | 'restart'> &
  Partial<Pick<Component, 'upWhen' | 'dependsOn' | 'check'>>;

function component(
  given: Supervision,
  { folder, environment }: CompositionContext,
  own: Own,
  variables: Program['env'],
): Component {
  const { health, restarts, startDeadlineMs, stopDeadlineMs } = given;
  const check = checkOf(health) ?? own.check ?? { kind: 'none' };
  const isAsked = check.kind !== 'none' && check.kind !== 'line';
  return {
    name: own.name,
    command: own.command,
    cwd: resolve(folder, given.cwd),
    env: { ...environment, ...variables, ...given.env },
    dependsOn: [...new Set([...(own.dependsOn ?? []), ...given.dependsOn])],
    restart: own.restart,
    upWhen: own.upWhen ?? (check.kind === 'none' ? 'started' : 'checked'),
    check,
    intervalMs: isAsked ? health.intervalMs : null,
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
