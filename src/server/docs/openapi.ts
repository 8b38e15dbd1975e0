/** The OpenAPI 3.1 document that the table of routes makes. */
import { z } from 'zod';
import { createDocument, type ZodOpenApiObject, type ZodOpenApiOperationObject } from 'zod-openapi';
import { type ErrorCode, errorCodes, QuorateError } from '../../errors.js';
import { version } from '../../manifest.js';
import type { Access } from '../auth/identity.js';
import { PROBLEM_TYPE, problemOf, problemSchema, httpStatus } from '../http/problemDocument.js';
import { type MediaTypes, type Route, tags } from '../http/route.js';

type Content = NonNullable<NonNullable<ZodOpenApiOperationObject['requestBody']>['content']>;

/** Bytes have no schema in OpenAPI 3.1: the media type says all. */
const contentOf = (types: MediaTypes): Content =>
  Object.fromEntries(
    Object.entries(types).map(([type, schema]) => [type, schema === null ? {} : { schema }]),
  );

const headersOf = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  );

/** '/v1/nodes/:node' → '/v1/nodes/{node}' */
export const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

const problemExample = (code: ErrorCode) =>
  problemOf(new QuorateError(code, 'what exactly is wrong'), '389d613b-6028-452b-8a25-b7ee0d6ab428');

function problemResponses(route: Route): ZodOpenApiOperationObject['responses'] {
  const byStatus = new Map<string, ErrorCode[]>();
  for (const code of problemsOf(route)) {
    const status = String(httpStatus[code]);
    // Where a status is an ordinary answer, it is described there.
    if (!(status in route.answers)) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${errorCodes[code]}`).join('\n\n'),
        content: { [PROBLEM_TYPE]: { schema: problemSchema, example: problemExample(codes[0]!) } },
      },
    ]),
  );
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { params, query, headers, body, takes, answers } = route;
  const header = z.object(
    Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [
        name,
        z.string().optional().describe(description),
      ]),
    ),
  );
  const types: MediaTypes | undefined = body ? { 'application/json': body } : takes;
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.access === 'public' ? { security: [] } : {}),
    requestParams: {
      ...(params ? { path: params } : {}),
      ...(query ? { query } : {}),
      ...(Object.keys(headers).length > 0 ? { header } : {}),
    },
    ...(types ? { requestBody: { required: true, content: contentOf(types) } } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          {
            description: answer.description,
            ...(answer.content ? { content: contentOf(answer.content) } : {}),
            ...(answer.headers ? { headers: headersOf(answer.headers) } : {}),
          },
        ]),
      ),
      ...problemResponses(route),
    },
  };
}

const tagDescriptions: Readonly<Record<(typeof tags)[number], string>> = {
  server: 'The server itself',
  nodes: 'Those that train',
  sessions: 'Trainings',
  models: 'Models on their way in and out',
  rounds: 'Rounds, updates, and what became of them',
  aggregate: 'The core, outside of any session',
};

/** Any JSON, which refers to itself and has no name: every such place takes anything, and says so without a detour. */
const anonymous = /^(#\/components\/schemas\/)?__schema\d+$/;

export function openApiDocument(routes: readonly Route[]): ReturnType<typeof createDocument> {
  const paths: NonNullable<ZodOpenApiObject['paths']> = {};
  for (const route of routes) {
    const template = templateOf(route.path);
    paths[template] = { ...paths[template], [route.method.toLowerCase()]: operationOf(route) };
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Quorate',
      version,
      description:
        'Byzantine-robust training over the network. Errors are explained at [/docs/errors](/docs/errors).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: tags.map((name) => ({ name, description: tagDescriptions[name] })),
    security: [{ token: [] }],
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The administrator’s token, or a node’s' },
      },
    },
    paths,
  });
  return JSON.parse(
    JSON.stringify(document, (key, value: unknown) => {
      if (anonymous.test(key)) return undefined;
      const { $ref } = (value ?? {}) as { $ref?: unknown };
      return typeof $ref === 'string' && anonymous.test($ref) ? {} : value;
    }),
  ) as typeof document;
}

/** Which codes a route may answer with: its own, and those that come with what it takes. */
const ofAccess: Readonly<Record<Access, readonly ErrorCode[]>> = {
  public: [],
  read: ['UNAUTHORIZED', 'FORBIDDEN'],
  register: ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_YOUR_NODE'],
  'own-node': ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_YOUR_NODE'],
  admin: ['UNAUTHORIZED', 'FORBIDDEN'],
};

const ofBodies: readonly ErrorCode[] = [
  'MALFORMED',
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
  'INCOMPLETE_UPLOAD',
];

/** In the order of the table of codes. */
export function problemsOf(route: Route): ErrorCode[] {
  const takesParameters = route.params !== undefined || route.query !== undefined;
  const takesBody = route.body !== undefined || route.takes !== undefined;
  const found = new Set<ErrorCode>([
    ...route.problems,
    ...ofAccess[route.access],
    ...(takesParameters || takesBody ? (['INVALID_PARAMETER'] as const) : []),
    ...(takesBody ? ofBodies : []),
    ...(route.method === 'GET' ? [] : (['FORBIDDEN'] as const)), // of a page of another origin
    ...(route.always ? [] : (['RATE_LIMITED', 'SHUTTING_DOWN'] as const)),
    'UNKNOWN_PARAMETER',
    'INTERNAL',
  ]);
  return (Object.keys(errorCodes) as ErrorCode[]).filter((code) => found.has(code));
}
