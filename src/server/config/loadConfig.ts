/**
 * Reads the configuration: a YAML file, over it the environment, over it flags. Each setting has one name, its path in
 * the file: `limits.jsonBytes` is the variable QUORATE_LIMITS_JSON_BYTES and the flag 'limits.jsonBytes'.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { QuorateError } from '../../errors.js';
import { isTree, parseYaml, readYamlFile, type Tree } from '../../files/yaml.js';
import { parse } from '../../schema.js';
import { configSchema, redactConfig, REDACTED, type ServerConfig } from './config.js';

export interface ConfigSources {
  /** A YAML file. */
  readonly file?: string;
  /** process.env, or a part of it. Empty variables count as absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** By path; what is a string is read as in the environment. Undefined: not given. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** Where each value came from, by path, for messages. */
type Origins = Map<string, string>;

/**
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER with `details.path` and `details.source`; MALFORMED for a
 *   file that is no YAML; NOT_FOUND for one that isn't there
 */
export async function loadConfig(sources: ConfigSources = {}): Promise<ServerConfig> {
  const { file, environment = {}, flags = {} } = sources;
  const tree: Tree = file === undefined ? {} : await readYamlFile(file);
  const origins: Origins = new Map();
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || text === '') continue;
    const setting = settings.find((one) => one.variable === variable);
    if (setting) put(tree, setting, text, `the variable ${variable}`, origins);
    else refuseMisspelt(variable);
  }
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const setting = settings.find((one) => one.path === path);
    if (!setting) throw unknown(path, 'a flag');
    put(tree, setting, value, `the flag ${path}`, origins);
  }
  return check(tree, origins, file ?? 'the configuration');
}

/** A value as it is written in the environment: as it is where the setting takes text, else as in YAML. */
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
    if (!isTree(next)) return; // the file is wrong here, and will be refused
    branch = branch[key] = next;
  }
  branch[keys[keys.length - 1]!] = read(setting, value);
  origins.set(setting.path, origin);
}

/** Variables of other programs are none of ours, but one that begins like a section of ours is a slip. */
function refuseMisspelt(variable: string): void {
  const sections = new Set(
    settings.filter(({ path }) => path.includes('.')).map(({ path }) => path.split('.')[0]),
  );
  const begins = [...sections].some((section) => variable.startsWith(`QUORATE_${section!.toUpperCase()}_`));
  if (begins) throw unknown(variable, 'the environment');
}

function unknown(path: string, source: string): QuorateError {
  return new QuorateError('UNKNOWN_PARAMETER', `there is no setting '${path}' (${source})`, { path, source });
}

function check(tree: Tree, origins: Origins, file: string): ServerConfig {
  try {
    return withSecrets(parse('the configuration', configSchema, tree));
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    const path = String(error.details.parameter);
    const source = originOf(path, origins) ?? file;
    throw new QuorateError(error.code, `${error.message} (${source})`, { path, source });
  }
}

/** A printed configuration that became a file has none: everybody would know what stands for them. */
function withSecrets(config: ServerConfig): ServerConfig {
  for (const name of ['adminToken', 'enrollmentToken'] as const) {
    if (config.auth[name] !== REDACTED) continue;
    const parameter = `auth.${name}`;
    const message = `the configuration: ${parameter}: is no secret: it stands for one that was not shown`;
    throw new QuorateError('INVALID_PARAMETER', message, { parameter });
  }
  return config;
}

function originOf(path: string, origins: Origins): string | undefined {
  for (const [setting, origin] of origins)
    if (path === setting || path.startsWith(`${setting}.`)) return origin;
  return undefined;
}

/** The whole configuration as a file that `loadConfig` reads; secrets, which are not shown, have to be put in again. */
export function printConfig(config: ServerConfig): string {
  return stringify(redactConfig(config));
}

/** The settings of the configuration by path: what environment variables and flags can say, one value each. */
export interface Setting {
  /** 'limits.requestsPerMinute.node' */
  readonly path: string;
  /** 'QUORATE_LIMITS_REQUESTS_PER_MINUTE_NODE' */
  readonly variable: string;
  readonly schema: z.ZodType;
  readonly description: string;
}

/** What stands behind defaults. */
function bare(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap() as z.ZodType;
  return inner;
}

const describes = (schema: z.ZodType): string => schema.description ?? bare(schema).description ?? '';

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
    return [{ path, variable: variableOf(path), schema: child, description: describes(child) }];
  });
}

export const settings: readonly Setting[] = settingsOf(configSchema, '');
