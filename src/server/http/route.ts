/**
 * A route: its input, its responses, who may call it, and its handler. The table of all routes (routes/routes.ts) is the
 * source of both the router and the OpenAPI document.
 */
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type * as z from 'zod';
import type { Coordinator } from '../../coordinator/coordinator.js';
import type { Engine } from '../../core/engine.js';
import type { ErrorCode } from '../../errors.js';
import type { Access, Identity } from '../auth/identity.js';
import type { BodyBudget } from '../bodies/body.js';
import type { ServerConfig } from '../config/config.js';

/** Media type → schema of the body; null: bytes that no schema describes. */
export type MediaTypes = Readonly<Record<string, z.ZodType | null>>;

/** A response that a route may send. */
export interface RouteResponse {
  readonly description: string;
  /** Absent if the response has no body. */
  readonly content?: MediaTypes;
  /** Headers in addition to those of every response: name → description. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The arguments of a handler, validated. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly ctx: Context;
  readonly params: P;
  readonly query: Q;
  /** Undefined if the route takes no JSON. */
  readonly body: B;
  readonly identity: Identity;
  readonly services: Services;
}

/** HEAD comes with GET. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
/** The groups of the OpenAPI document, in its order. */
export const tags = ['server', 'nodes', 'sessions', 'models', 'rounds', 'aggregate'] as const;

/** A route with everything filled in; see `route` for how one is written. */
export interface Route {
  readonly method: Method;
  /** '/v1/nodes/:node' */
  readonly path: string;
  /** The operation id in the OpenAPI document. */
  readonly operation: string;
  readonly tag: (typeof tags)[number];
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  /** Schema of a JSON body, which is read and validated before the handler is called. */
  readonly body: z.ZodType | undefined;
  /** Media types of a body that the handler reads itself. */
  readonly bodyTypes: MediaTypes | undefined;
  /** Request headers: name → description. */
  readonly headers: Readonly<Record<string, string>>;
  /** Status → response. */
  readonly responses: Readonly<Record<number, RouteResponse>>;
  /** Error codes of this route, in addition to those that follow from its access and input. */
  readonly errors: readonly ErrorCode[];
  /** Served during shutdown and beyond the rate limit. For health checks. */
  readonly alwaysAvailable: boolean;
  handle(call: Call): void | Promise<void>;
}

type Parsed<S extends z.ZodType | undefined> = S extends z.ZodType ? z.output<S> : undefined;

interface Definition<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
> extends Pick<Route, 'method' | 'path' | 'operation' | 'tag' | 'summary' | 'access' | 'responses'> {
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly bodyTypes?: MediaTypes;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly ErrorCode[];
  readonly alwaysAvailable?: boolean;
  readonly handle: (call: Call<Parsed<P>, Parsed<Q>, Parsed<B>>) => void | Promise<void>;
}

/** Defines a route. The types of its handler's arguments are inferred from its schemas. */
export function route<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(definition: Definition<P, Q, B>): Route {
  const {
    params,
    query,
    body,
    bodyTypes,
    headers = {},
    errors = [],
    alwaysAvailable = false,
    handle,
    ...rest
  } = definition;
  return {
    ...rest,
    params,
    query,
    body,
    bodyTypes,
    headers,
    errors,
    alwaysAvailable,
    // The router validates against these schemas before it calls the handler.
    handle: (call) => handle(call as Call<Parsed<P>, Parsed<Q>, Parsed<B>>),
  };
}

/** Whether the server is about to close. */
export interface Lifecycle {
  readonly isShuttingDown: boolean;
}

/** What handlers work with. */
export interface Services {
  readonly coordinator: Coordinator;
  readonly config: ServerConfig;
  readonly log: Logger;
  /** Runs POST /v1/aggregate; undefined: the process's shared engine. */
  readonly engine: Engine | undefined;
  readonly lifecycle: Lifecycle;
  readonly isAuthOn: boolean;
  readonly bodyBudget: BodyBudget;
  /** The number of open event sockets. */
  readonly openSockets: () => number;
}
