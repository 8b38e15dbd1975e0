/** A server on a free port with a coordinator in memory, and requests to it whose answers are held against the table of routes. */
import { expect } from 'chai';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import type * as z from 'zod';
import type { Coordinator, CoordinatorOptions } from '../../src/coordinator/coordinator.js';
import { createCoordinator } from '../../src/coordinator/createCoordinator.js';
import { createEngine, type Engine } from '../../src/core/engine.js';
import type { ErrorCode } from '../../src/errors.js';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';
import { configSchema, isAuthOn, type ServerConfigInput } from '../../src/server/config/config.js';
import { problemsOf } from '../../src/server/docs/openapi.js';
import {
  type Problem,
  PROBLEM_TYPE,
  problemSchema,
  httpStatus,
} from '../../src/server/http/problemDocument.js';
import type { Route } from '../../src/server/http/route.js';
import { createServer, type Server } from '../../src/server/index.js';
import { routes } from '../../src/server/routes/routes.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';
import type { Store } from '../../src/store/store.js';

export const ADMIN = 'the-admin-token-of-tests';
export const ENROLLMENT = 'the-enrollment-token-of-tests';

const engine = createEngine({ threads: 1 });

export interface Wish {
  readonly config?: ServerConfigInput;
  readonly store?: Store;
  /** Of the server's own; the coordinator has another. */
  readonly engine?: Engine;
  readonly coordinator?: Partial<CoordinatorOptions>;
  /** Makes another coordinator of the real one. */
  readonly wrap?: (coordinator: Coordinator) => Coordinator;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Of JSON. */
  readonly json: unknown;
}

export interface Question {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: Uint8Array | string | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export class Fixture {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly coordinator: Coordinator;
  readonly log: LogLine[];

  constructor(server: Server, coordinator: Coordinator, at: { url: string; port: number }, log: LogLine[]) {
    this.server = server;
    this.coordinator = coordinator;
    this.url = at.url;
    this.port = at.port;
    this.log = log;
  }

  async call(method: string, path: string, question: Question = {}): Promise<Answer> {
    const {
      token,
      headers = {},
      json,
      body = json === undefined ? undefined : JSON.stringify(json),
    } = question;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']>, duplex: 'half' }),
      ...(question.signal ? { signal: question.signal } : {}),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    const isJson = (response.headers.get('content-type') ?? '').includes('json') && text !== '';
    const answer = {
      status: response.status,
      headers: response.headers,
      bytes,
      text,
      json: isJson ? (JSON.parse(text) as unknown) : undefined,
    };
    checkAnswer(method, path, answer);
    return answer;
  }

  /** A call that must be refused with this code, and its status. */
  async refusal(code: ErrorCode, method: string, path: string, question: Question = {}): Promise<Problem> {
    const answer = await this.call(method, path, question);
    return expectProblem(answer, code);
  }

  /** A call that must succeed. */
  async get<T>(path: string, question: Question = {}): Promise<T> {
    const answer = await this.call('GET', path, question);
    expect(answer.status, answer.text).equal(200);
    return answer.json as T;
  }

  /** Resolves when such a line is in the log, with the first. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const line = this.log.find(fits);
      if (line) return line;
      await setImmediate();
    }
  }

  /** What was logged as an error. */
  get errors(): LogLine[] {
    return this.log.filter(({ level }) => level >= 50);
  }
}

export function expectProblem(answer: Answer, code: ErrorCode): Problem {
  expect(answer.headers.get('content-type'), answer.text).equal(PROBLEM_TYPE);
  const problem = problemSchema.parse(answer.json);
  expect(problem.code, problem.detail).equal(code);
  expect(answer.status).equal(httpStatus[code]).equal(problem.status);
  expect(answer.headers.get('x-request-id')).equal(problem.requestId);
  return problem;
}

/** The route that an address belongs to. */
function routeOf(method: string, path: string): Route | undefined {
  const parts = path.split('?')[0]!.split('/');
  return routes.find((route) => {
    const wanted = route.path.split('/');
    const isMethod = route.method === method || (route.method === 'GET' && method === 'HEAD');
    return (
      isMethod &&
      wanted.length === parts.length &&
      wanted.every((part, k) => (part.startsWith(':') ? parts[k] !== '' : part === parts[k]))
    );
  });
}

/** Every answer of every test must be one that the table says the route gives. */
function checkAnswer(method: string, path: string, answer: Answer): void {
  const route = routeOf(method, path);
  if (!route) return;
  const what = `${method} ${path} → ${answer.status} ${answer.text.slice(0, 300)}`;
  const type = (answer.headers.get('content-type') ?? '').split(';')[0]!;
  if (type === PROBLEM_TYPE) {
    if (method === 'HEAD') return;
    const { code } = problemSchema.parse(answer.json);
    expect(problemsOf(route), `${what}: not a declared problem`).include(code);
    return;
  }
  const declared = route.responses[answer.status]!;
  expect(declared, `${what}: not a declared answer`).not.equal(undefined);
  if (method === 'HEAD') return;
  if (!declared.content) return void expect(answer.text, what).equal('');
  expect(Object.keys(declared.content), what).include(type);
  const schema: z.ZodType | null = declared.content[type]!;
  if (schema) expect(schema.safeParse(answer.json).error?.message, what).equal(undefined);
}

const open: Fixture[] = [];

/** Closed by `closeAll`. */
export async function start(wish: Wish = {}): Promise<Fixture> {
  const config = configSchema.parse({
    ...wish.config,
    listen: { port: 0, ...wish.config?.listen },
    shutdownDeadlineMs: wish.config?.shutdownDeadlineMs ?? 5000,
  });
  const log: LogLine[] = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  );
  const real = await createCoordinator({
    store: wish.store ?? memoryStore(),
    engine,
    tokens: isAuthOn(config),
    liveness: config.liveness,
    ...wish.coordinator,
  });
  const coordinator = wish.wrap?.(real) ?? real;
  const server = createServer({ coordinator, config, log: logger, engine: wish.engine ?? engine });
  const fixture = new Fixture(server, coordinator, await server.listen(), log);
  open.push(fixture);
  return fixture;
}

/** To be called after each test: nothing is left open, and nothing was logged as an error unless the test took it out. */
export async function closeAll(): Promise<void> {
  const all = open.splice(0);
  for (const { server, coordinator } of all) {
    await server.close();
    await coordinator.close();
  }
  expect(all.flatMap(({ errors }) => errors)).deep.equal([]);
}

export const D = 6;

/** d float32, all the same. */
export const vector = (value: number, d = D): Uint8Array =>
  new Uint8Array(new Float32Array(d).fill(value).buffer);

export const FLAT = { 'content-type': 'application/octet-stream' };

export const sessionConfig = (changes: Partial<SessionConfigInput> = {}): SessionConfigInput => ({
  id: 's',
  pipeline: 'mean',
  quorum: 1,
  rounds: 100,
  ...changes,
});

/** A session that runs, with these nodes in it, all asked for round 1. */
export async function startSession(
  { coordinator }: Fixture,
  nodes: readonly string[],
  changes: Partial<SessionConfigInput> = {},
  d = D,
): Promise<void> {
  const { id } = await coordinator.createSession(sessionConfig(changes));
  for (const node of nodes) {
    await coordinator.registerNode({ id: node, sessions: [id], capabilities: {}, publicKey: null });
  }
  await coordinator.setModel(id, { tensors: [{ name: 'model', shape: [d] }], values: new Float32Array(d) });
  await coordinator.start(id);
}

export const updatePath = (node: string, round = 1, session = 's'): string =>
  `/v1/sessions/${session}/rounds/${round}/updates/${node}`;

/** Resolves with the first event that fits, from the first on. */
export function happened(
  { events }: Pick<Coordinator, 'events'>,
  fits: (body: Readonly<Record<string, unknown>>) => boolean,
): Promise<void> {
  if (events.since(0, 1_000_000).some(({ body }) => fits(body))) return Promise.resolve();
  return new Promise((resolve) => {
    const unsubscribe = events.subscribe(({ body }) => {
      if (!fits(body)) return;
      unsubscribe();
      resolve();
    });
  });
}

export const committed = (fixture: Fixture, round: number): Promise<void> =>
  happened(fixture.coordinator, (body) => body.type === 'round-committed' && body.round === round);
