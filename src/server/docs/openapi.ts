/** Builds the OpenAPI 3.1 document from the table of routes. */
import * as z from 'zod';
import { createDocument, type ZodOpenApiObject, type ZodOpenApiOperationObject } from 'zod-openapi';
import { type ErrorCode, errorCodes, QuorateError } from '../../errors.js';
import { version } from '../../manifest.js';
import type { Access } from '../auth/identity.js';
import { PROBLEM_TYPE, problemOf, problemSchema, httpStatus } from '../http/problemDocument.js';
import { type MediaTypes, type Route, tags } from '../http/route.js';

type Content = NonNullable<NonNullable<ZodOpenApiOperationObject['requestBody']>['content']>;

/** In OpenAPI 3.1, binary content is described by its media type alone. */
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
  problemOf(new QuorateError(code, 'details of this occurrence'), '389d613b-6028-452b-8a25-b7ee0d6ab428');

function problemResponses(route: Route): ZodOpenApiOperationObject['responses'] {
  const byStatus = new Map<string, ErrorCode[]>();
  for (const code of problemsOf(route)) {
    const status = String(httpStatus[code]);
    // A status that the route itself describes keeps that description.
    if (!(status in route.responses)) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
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
  const { params, query, headers, body, bodyTypes, responses } = route;
  const header = z.object(
    Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [
        name,
        z.string().optional().describe(description),
      ]),
    ),
  );
  const types: MediaTypes | undefined = body ? { 'application/json': body } : bodyTypes;
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
        Object.entries(responses).map(([status, response]) => [
          status,
          {
            description: response.description,
            ...(response.content ? { content: contentOf(response.content) } : {}),
            ...(response.headers ? { headers: headersOf(response.headers) } : {}),
          },
        ]),
      ),
      ...problemResponses(route),
    },
  };
}

const tagDescriptions: Readonly<Record<(typeof tags)[number], string>> = {
  server: 'Health, status and configuration of the server',
  nodes: 'The machines that train',
  sessions: 'Training jobs',
  models: 'Uploading and downloading models',
  rounds: 'Rounds, their updates, evaluations and metrics',
  aggregate: 'Aggregation without a session',
};

/** zod's name for the recursive schema of arbitrary JSON. References to it are replaced with `{}`, which accepts anything. */
const anonymous = /^(#\/components\/schemas\/)?__schema\d+$/;

/** The OpenAPI document of the routes, as JSON. */
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
        'Byzantine-robust federated training. Error codes are explained at [/docs/errors](/docs/errors).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: tags.map((name) => ({ name, description: tagDescriptions[name] })),
    security: [{ token: [] }],
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: "The admin's token, or a node's" },
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

/** The codes that follow from a route's access. */
const codesOfAccess: Readonly<Record<Access, readonly ErrorCode[]>> = {
  public: [],
  read: ['UNAUTHORIZED', 'FORBIDDEN'],
  register: ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_YOUR_NODE'],
  'own-node': ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_YOUR_NODE'],
  admin: ['UNAUTHORIZED', 'FORBIDDEN'],
};

/** The codes that follow from taking a body. */
const codesOfBodies: readonly ErrorCode[] = [
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
  'INCOMPLETE_UPLOAD',
];

/** Every code that a route may answer with: its own, and those that follow from its access and input. */
export function problemsOf(route: Route): ErrorCode[] {
  const takesParameters = route.params !== undefined || route.query !== undefined;
  const takesBody = route.body !== undefined || route.bodyTypes !== undefined;
  const codes = new Set<ErrorCode>([
    ...route.errors,
    ...codesOfAccess[route.access],
    ...(takesParameters || takesBody ? (['INVALID_PARAMETER'] as const) : []),
    ...(takesBody ? codesOfBodies : []),
    ...(route.method === 'GET' ? [] : (['FORBIDDEN'] as const)), // from a page of another origin
    ...(route.alwaysAvailable ? [] : (['HOST_REFUSED', 'RATE_LIMITED', 'SHUTTING_DOWN'] as const)),
    'MALFORMED',
    'UNKNOWN_PARAMETER',
    'INTERNAL',
  ]);
  return (Object.keys(errorCodes) as ErrorCode[]).filter((code) => codes.has(code));
}
