/** What /openapi.json is made of: the schemas themselves. */
import { expect } from 'chai';
import { z } from 'zod';
import { createDocument } from 'zod-openapi';
import * as names from '../../src/protocol/names.js';
import * as session from '../../src/protocol/sessionConfig.js';
import * as views from '../../src/protocol/views.js';

const schemas: [string, z.ZodType][] = Object.entries<unknown>({ ...names, ...session, ...views }).filter(
  (entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType,
);

describe('the protocol’s schemas', () => {
  it('each have an id of their own', () => {
    const ids = schemas.map(([name, schema]) => schema.meta()?.id ?? `${name} has none`);
    expect(ids.filter((id) => id.includes(' '))).deep.equal([]);
    expect(new Set(ids).size).equal(ids.length);
  });

  it('are components of an OpenAPI document, and refer to one another', () => {
    const { components } = createDocument({
      openapi: '3.1.0',
      info: { title: 'Quorate', version: '0' },
      components: {
        schemas: Object.fromEntries(schemas.map(([, schema]) => [schema.meta()?.id ?? '', schema])),
      },
    });
    const made = components?.schemas ?? {};
    for (const [, schema] of schemas) expect(made).property(schema.meta()?.id ?? '');
    expect(JSON.stringify(made.Session)).include('"$ref":"#/components/schemas/');
  });

  it('describe every parameter of a session that is no schema of its own', () => {
    const { properties = {} } = z.toJSONSchema(session.sessionConfigSchema, {
      io: 'input',
      unrepresentable: 'any',
    });
    const without = Object.entries(properties).filter(
      ([, property]) =>
        typeof property === 'object' && !/"description"|"\$ref"/.test(JSON.stringify(property)),
    );
    expect(without.map(([name]) => name)).deep.equal([]);
  });
});
