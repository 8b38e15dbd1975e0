import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import { errorCodes } from '../../../src/errors.js';
import { problemsOf, templateOf } from '../../../src/server/docs/openapi.js';
import { httpStatus } from '../../../src/server/http/problemDocument.js';
import { routes } from '../../../src/server/routes/routes.js';
import { closeAll, start } from '../fixture.js';

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  requestBody?: { content: Record<string, object> };
  responses: Record<string, { description: string; content?: Record<string, { example?: object }> }>;
}
interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

const fetchDocument = async () => (await start()).get<Document>('/openapi.json');

/** Every object in a JSON document. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const part of Object.values(value)) yield* objectsIn(part);
}

describe('the table of routes', () => {
  afterEach(closeAll);

  it('has every address once', () => {
    const keys = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(keys).size).equal(keys.length);
    expect(new Set(routes.map(({ operation }) => operation)).size).equal(keys.length);
  });

  it('matches /openapi.json exactly', async () => {
    const { paths } = await fetchDocument();
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(
        ([method, { operationId }]) => `${method.toUpperCase()} ${path} ${operationId}`,
      ),
    );
    const known = routes.map(({ method, path, operation }) => `${method} ${templateOf(path)} ${operation}`);
    expect(documented.sort()).deep.equal(known.sort());
  });

  it('is what the server answers to', async () => {
    const fixture = await start();
    for (const { method, path } of routes) {
      const address = path.replace(':session', 'none').replace(':node', 'none').replace(':round', '1');
      const { status, json } = await fixture.call(method, address);
      // Whatever it says, it is the route that says it.
      expect(status, `${method} ${path}`).not.equal(405);
      expect((json as { code?: string } | undefined)?.code, `${method} ${path}`).not.equal('NOT_FOUND');
    }
  });

  it('makes a document that OpenAPI 3.1 takes as valid', async () => {
    const document = (await fetchDocument()) as object;
    const validate = async (given: object) => {
      const validator = new Validator();
      const { valid, errors } = await validator.validate(structuredClone(given) as Record<string, unknown>);
      return { valid, errors, version: validator.version };
    };
    expect(await validate(document)).deep.include({ valid: true, version: '3.1' });
    expect((await validate({ ...document, paths: { '/v1/status': { get: { responses: 5 } } } })).valid).false;
  });

  it('makes a document in which everything that is referred to is there', async () => {
    const document = await fetchDocument();
    expect(document.openapi).match(/^3\.1\./);
    expect(Object.keys(document.components.schemas)).include.members(['Problem', 'Session', 'Node']);
    expect(JSON.stringify(document)).not.match(/__schema/);
    for (const { $ref } of objectsIn(document)) {
      if (typeof $ref !== 'string') continue;
      const steps = $ref.replace(/^#\//, '').split('/');
      const found = steps.reduce<unknown>((part, step) => (part as Record<string, unknown>)[step], document);
      expect(found, $ref).an('object');
    }
    for (const [path, operations] of Object.entries(document.paths)) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const [method, operation] of Object.entries(operations)) {
        const what = `${method} ${path}`;
        const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
        expect(inPath.map(({ name }) => name).sort(), what).deep.equal(wanted.sort());
        expect(
          inPath.every(({ required }) => required === true),
          what,
        ).true;
        expect(operation.summary, what).not.equal('');
        expect(method === 'get' && operation.requestBody !== undefined, what).false;
        for (const [status, { description }] of Object.entries(operation.responses)) {
          expect(status, what).match(/^[1-5]\d\d$/);
          expect(description, `${what} ${status}`).not.equal('');
        }
      }
    }
  });

  it('describes each problem that a route names', async () => {
    const { paths } = await fetchDocument();
    for (const route of routes) {
      const { responses } = paths[templateOf(route.path)]![route.method.toLowerCase()]!;
      for (const code of problemsOf(route)) {
        const status = httpStatus[code];
        if (route.responses[status]) continue;
        expect(responses[status]!.description, `${route.operation} ${code}`).include(`\`${code}\``);
        const content = responses[status]!.content ?? {};
        expect(Object.keys(content)).deep.equal(['application/problem+json']);
        expect(content['application/problem+json']!.example).include({ status });
      }
    }
  });
});

describe('statuses', () => {
  it('are there for every code, and are of errors', () => {
    expect(Object.keys(httpStatus).sort()).deep.equal(Object.keys(errorCodes).sort());
    for (const [code, status] of Object.entries(httpStatus)) expect(status, code).within(400, 599);
  });
});
