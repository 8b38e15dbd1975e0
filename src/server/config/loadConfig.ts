/** Loads the configuration from a YAML file, the environment and flags, and prints it. */
import { stringify } from 'yaml';
import * as z from 'zod';
import { QuorateError } from '../../errors.js';
import { isTree, parseYaml, readYamlFile, type Tree } from '../../files/yaml.js';
import { parse } from '../../schema.js';
import { didYouMean } from '../../suggest.js';
import {
  configSchema,
  redactConfig,
  REDACTED,
  requireTokensBehindProxy,
  type ServerConfig,
} from './config.js';

/** Where settings come from. Flags override the environment, which overrides the file. */
export interface ConfigSources {
  /** Path of a YAML file. */
  readonly file?: string;
  /** process.env, or a part of it. Empty variables count as absent; variables of other programs are ignored. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Settings by path, such as 'limits.jsonBytes'. Strings are parsed as in the environment; undefined counts as absent. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** Path of a setting → the source of its value, for messages. */
type Origins = Map<string, string>;

/**
 * Loads and validates a configuration. A setting has the same name everywhere, its path in the file: `limits.jsonBytes` is
 * the variable QUORATE_LIMITS_JSON_BYTES and the flag 'limits.jsonBytes'.
 *
 * @returns the complete configuration, defaults filled in
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER with `details.path` and `details.source`; MALFORMED if the
 *   file is not valid YAML; NOT_FOUND if it does not exist
 * @example
 * const config = await loadConfig({ file: 'server.yaml', environment: process.env, flags: { 'listen.port': 0 } });
 */
export async function loadConfig(sources: ConfigSources = {}): Promise<ServerConfig> {
  const { file, environment = {}, flags = {} } = sources;
  const tree: Tree = file === undefined ? {} : await readYamlFile(file);
  const origins: Origins = new Map();
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || text === '') continue;
    const setting = settings.find((one) => one.variable === variable);
    if (setting) put(tree, setting, text, `the variable ${variable}`, origins);
    else refuseMisspelled(variable);
  }
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const setting = settings.find((one) => one.path === path);
    if (!setting) throw unknown(path, 'a flag');
    put(tree, setting, value, `the flag ${path}`, origins);
  }
  return check(tree, origins, file ?? 'the configuration');
}

/** Reads a string from the environment or a flag: verbatim if the setting accepts it as text, else as YAML. */
function read({ path, schema }: Setting, value: unknown): unknown {
  if (typeof value !== 'string' || schema.safeParse(value).success) return value;
  try {
    return parseYaml(path, value);
  } catch {
    return value;
  }
}

function put(tree: Tree, setting: Setting, value: unknown, origin: string, origins: Origins): void {
  const keys = setting.path.split('.');
  let branch = tree;
  for (const key of keys.slice(0, -1)) {
    const next = branch[key] ?? {};
    if (!isTree(next)) return; // the file is invalid here, and validation will report it
    branch = branch[key] = next;
  }
  branch[keys[keys.length - 1]!] = read(setting, value);
  origins.set(setting.path, origin);
}

/** An unknown variable that starts with the name of a section is a misspelling; any other may be another program's. */
function refuseMisspelled(variable: string): void {
  const sections = new Set(
    settings.filter(({ path }) => path.includes('.')).map(({ path }) => path.split('.')[0]),
  );
  const isOurs = [...sections].some((section) => variable.startsWith(`QUORATE_${section!.toUpperCase()}_`));
  if (isOurs) throw unknown(variable, 'the environment');
}

function unknown(path: string, source: string): QuorateError {
  const known = settings.map((setting) => (path.startsWith('QUORATE_') ? setting.variable : setting.path));
  const hint = didYouMean(path, known);
  return new QuorateError('UNKNOWN_PARAMETER', `unknown setting '${path}' (${source})${hint}`, {
    path,
    source,
  });
}

function check(tree: Tree, origins: Origins, file: string): ServerConfig {
  try {
    const config = requireRealSecrets(parse('the configuration', configSchema, tree));
    requireTokensBehindProxy(config);
    return config;
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    const path = String(error.details.parameter);
    const source = originOf(path, origins) ?? file;
    throw new QuorateError(error.code, `${error.message} (${source})`, { path, source });
  }
}

/** Refuses the placeholders of a printed configuration: used as tokens, they would be known to everyone. */
function requireRealSecrets(config: ServerConfig): ServerConfig {
  for (const name of ['adminToken', 'enrollmentToken'] as const) {
    if (config.auth[name] !== REDACTED) continue;
    const parameter = `auth.${name}`;
    const message = `the configuration: ${parameter}: is the placeholder of a printed configuration, not a token`;
    throw new QuorateError('INVALID_PARAMETER', message, { parameter });
  }
  return config;
}

function originOf(path: string, origins: Origins): string | undefined {
  for (const [setting, origin] of origins)
    if (path === setting || path.startsWith(`${setting}.`)) return origin;
  return undefined;
}

/**
 * Prints a complete configuration as YAML that `loadConfig` reads. Secrets are replaced by a placeholder and have to be
 * filled in again.
 */
export function printConfig(config: ServerConfig): string {
  return stringify(redactConfig(config));
}

/** A setting that an environment variable or a flag can set. */
export interface Setting {
  /** Its path in the configuration file: 'limits.requestsPerMinute.node'. */
  readonly path: string;
  /** Its environment variable: 'QUORATE_LIMITS_REQUESTS_PER_MINUTE_NODE'. */
  readonly variable: string;
  /** Validates its value. */
  readonly schema: z.ZodType;
  /** What it does, for help texts. */
  readonly description: string;
}

/** The schema inside defaults. */
function bare(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap() as z.ZodType;
  return inner;
}

const descriptionOf = (schema: z.ZodType): string => schema.description ?? bare(schema).description ?? '';

const variableOf = (path: string): string =>
  `QUORATE_${path
    .replaceAll('.', '_')
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;

function settingsOf(schema: z.ZodObject, prefix: string): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const child = value as z.ZodType;
    const path = `${prefix}${key}`;
    const inner = bare(child);
    if (inner instanceof z.ZodObject) return settingsOf(inner, `${path}.`);
    return [{ path, variable: variableOf(path), schema: child, description: descriptionOf(child) }];
  });
}

/** All settings, in the order of the schema. */
export const settings: readonly Setting[] = settingsOf(configSchema, '');
