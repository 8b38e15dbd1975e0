/** /v1/nodes: registration, heartbeats and removal of nodes. */
import * as z from 'zod';
import { QuorateError } from '../../errors.js';
import { nodeRegistrationSchema, nodeViewSchema } from '../../protocol/views.js';
import { route } from '../http/route.js';
import { byId, nodePath } from './parameters.js';

const registeredSchema = z.strictObject({
  node: nodeViewSchema,
  token: z
    .string()
    .nullable()
    .describe(
      'the token of a new node, generated or as sent; it is never shown again. Null if the node already had one or tokens are not required',
    ),
});
const registeredContent = { 'application/json': registeredSchema };
const nodeContent = { 'application/json': nodeViewSchema };

export const registerNode = route({
  method: 'POST',
  path: '/v1/nodes',
  operation: 'registerNode',
  tag: 'nodes',
  summary: 'Register a node, or re-register it when it comes back',
  description:
    "Requires the admin's token, the enrollment token, or, when a node comes back, its own. A node that chooses its own " +
    'token can safely repeat the registration if the response was lost.',
  access: 'register',
  body: nodeRegistrationSchema,
  responses: {
    201: { description: 'The node is new', content: registeredContent },
    200: { description: 'The node was registered before', content: registeredContent },
  },
  errors: ['NODE_EXISTS', 'NOT_YOUR_NODE', 'TOO_MANY_NODES'],
  handle: async ({ ctx, body, identity, services: { coordinator } }) => {
    // The enrollment token must not take over an existing node. A node that repeats its registration proves itself by token.
    const exists = coordinator.nodes().some(({ id }) => id === body.id);
    const isOwn = body.token !== undefined && coordinator.nodeOfToken(body.token) === body.id;
    if (identity.kind === 'enrollment' && exists && !isOwn) {
      throw new QuorateError(
        'NODE_EXISTS',
        `the node '${body.id}' exists; re-register it with its own token`,
        {
          node: body.id,
        },
      );
    }
    const { node: view, token, created } = await coordinator.registerNode(body);
    ctx.status = created ? 201 : 200;
    ctx.body = { node: view, token };
  },
});

export const listNodes = route({
  method: 'GET',
  path: '/v1/nodes',
  operation: 'listNodes',
  tag: 'nodes',
  summary: 'List all nodes',
  access: 'read',
  responses: {
    200: {
      description: 'The nodes, by ascending id',
      content: { 'application/json': z.strictObject({ nodes: z.array(nodeViewSchema) }) },
    },
  },
  handle: ({ ctx, services }) => {
    ctx.body = { nodes: byId(services.coordinator.nodes()) };
  },
});

export const getNode = route({
  method: 'GET',
  path: '/v1/nodes/:node',
  operation: 'getNode',
  tag: 'nodes',
  summary: 'Show a node',
  access: 'read',
  params: nodePath,
  responses: { 200: { description: 'The node', content: nodeContent } },
  errors: ['UNKNOWN_NODE'],
  handle: ({ ctx, params, services }) => {
    ctx.body = services.coordinator.node(params.node);
  },
});

export const removeNode = route({
  method: 'DELETE',
  path: '/v1/nodes/:node',
  operation: 'removeNode',
  tag: 'nodes',
  summary: 'Remove a node and revoke its token',
  access: 'own-node',
  params: nodePath,
  responses: { 204: { description: 'The node is removed' } },
  errors: ['UNKNOWN_NODE', 'NOT_YOUR_NODE'],
  handle: async ({ ctx, params, services }) => {
    await services.coordinator.removeNode(params.node);
    ctx.status = 204;
  },
});

export const heartbeat = route({
  method: 'POST',
  path: '/v1/nodes/:node/heartbeat',
  operation: 'heartbeat',
  tag: 'nodes',
  summary: 'Report that a node is alive',
  access: 'own-node',
  params: nodePath,
  responses: {
    200: { description: 'The node; heartbeatMs says how often to send the next ones', content: nodeContent },
  },
  errors: ['UNKNOWN_NODE', 'NOT_YOUR_NODE'],
  handle: ({ ctx, params, services }) => {
    ctx.body = services.coordinator.heartbeat(params.node);
  },
});
