/**
 * A route: what it takes, what it answers, who may use it, and what it does. The table of all of them (routes/) makes
 * the router and the OpenAPI document.
 */
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Coordinator } from '../../coordinator/coordinator.js';
import type { Engine } from '../../core/engine.js';
import type { ErrorCode } from '../../errors.js';
import type { Access, Identity } from '../auth/identity.js';
import type { BodyBudget } from '../bodies/body.js';
import type { ServerConfig } from '../config/config.js';

/** What a body or an answer is. Null: bytes that no schema describes. */
export type MediaTypes = Readonly<Record<string, z.ZodType | null>>;

export interface RouteAnswer {
  readonly description: string;
  /** None: no body. */
  readonly content?: MediaTypes;
  /** Beside the usual ones: name → what it says. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler is given: all of it checked. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly ctx: Context;
  readonly params: P;
  readonly query: Q;
  /** Undefined where the route takes no JSON. */
  readonly body: B;
  readonly identity: Identity;
  readonly services: Services;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export const tags = ['server', 'nodes', 'sessions', 'models', 'rounds', 'aggregate'] as const;

export interface Route {
  readonly method: Method;
  /** '/v1/nodes/:node' */
  readonly path: string;
  /** Its name in the OpenAPI document, and in the log. */
  readonly operation: string;
  readonly tag: (typeof tags)[number];
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  /** Of a JSON body, which is then read and checked before the handler is called. */
  readonly body: z.ZodType | undefined;
  /** Bodies that the handler reads itself. */
  readonly takes: MediaTypes | undefined;
  /** Request headers: name → what it says. */
  readonly headers: Readonly<Record<string, string>>;
  /** Status → answer. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  /** Codes that belong to this route, beside those that any may answer with. */
  readonly problems: readonly ErrorCode[];
  /** Health is told while the server ends, and to whoever asks too often. */
  readonly always: boolean;
  handle(call: Call): void | Promise<void>;
}

type Parsed<S extends z.ZodType | undefined> = S extends z.ZodType ? z.output<S> : undefined;

interface Definition<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
> extends Pick<Route, 'method' | 'path' | 'operation' | 'tag' | 'summary' | 'access' | 'answers'> {
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly takes?: MediaTypes;
  readonly headers?: Readonly<Record<string, string>>;
  readonly problems?: readonly ErrorCode[];
  readonly always?: boolean;
  readonly handle: (call: Call<Parsed<P>, Parsed<Q>, Parsed<B>>) => void | Promise<void>;
}

/** A route whose handler's arguments have the types of its schemas. */
export function route<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(definition: Definition<P, Q, B>): Route {
  const {
    params,
    query,
    body,
    takes,
    headers = {},
    problems = [],
    always = false,
    handle,
    ...rest
  } = definition;
  return {
    ...rest,
    params,
    query,
    body,
    takes,
    headers,
    problems,
    always,
    // The router parses by these very schemas before it calls.
    handle: (call) => handle(call as Call<Parsed<P>, Parsed<Q>, Parsed<B>>),
  };
}

/** What the routes work with. */
export interface Lifecycle {
  readonly isEnding: boolean;
}

export interface Services {
  readonly coordinator: Coordinator;
  readonly config: ServerConfig;
  readonly log: Logger;
  /** For what is aggregated at request; undefined: the process's own. */
  readonly engine: Engine | undefined;
  readonly lifecycle: Lifecycle;
  readonly isAuthOn: boolean;
  readonly room: BodyBudget;
  /** How many event sockets are open. */
  readonly sockets: () => number;
}
