/** /v1/nodes: those that train. */
import { z } from 'zod';
import { nodeRegistrationSchema, nodeViewSchema } from '../../protocol/views.js';
import { QuorateError } from '../../errors.js';
import { route } from '../http/route.js';
import { byId, nodePath } from './parameters.js';

const registeredSchema = z.strictObject({
  node: nodeViewSchema,
  token: z
    .string()
    .nullable()
    .describe('the one that was sent, or one that was made, which is told this once; null: none is new'),
});
const registered = { 'application/json': registeredSchema };
const node = { 'application/json': nodeViewSchema };

export const registerNode = route({
  method: 'POST',
  path: '/v1/nodes',
  operation: 'registerNode',
  tag: 'nodes',
  summary: 'Register a node, or tell that it is back',
  description:
    'With the administrator’s token, the enrollment token, or, when it comes back, the node’s own. A node that chooses ' +
    'its token itself may send the registration again if the answer was lost: the same token gives the same answer.',
  access: 'register',
  body: nodeRegistrationSchema,
  answers: {
    201: { description: 'A new node.', content: registered },
    200: { description: 'The node is back.', content: registered },
  },
  problems: ['NODE_EXISTS', 'NOT_YOUR_NODE'],
  handle: async ({ ctx, body, identity, services: { coordinator } }) => {
    // The enrollment token makes nodes; it must not speak for one that is there, unless it is this very one.
    const isThere = coordinator.nodes().some(({ id }) => id === body.id);
    const isOwn = body.token !== undefined && coordinator.nodeOfToken(body.token) === body.id;
    if (identity.kind === 'enrollment' && isThere && !isOwn) {
      throw new QuorateError(
        'NODE_EXISTS',
        `there is a node '${body.id}'; it comes back with its own token`,
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
  summary: 'All nodes',
  access: 'read',
  answers: {
    200: {
      description: 'In the order of their ids.',
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
  summary: 'A node',
  access: 'read',
  params: nodePath,
  answers: { 200: { description: 'The node.', content: node } },
  problems: ['UNKNOWN_NODE'],
  handle: ({ ctx, params, services }) => {
    ctx.body = services.coordinator.node(params.node);
  },
});

export const removeNode = route({
  method: 'DELETE',
  path: '/v1/nodes/:node',
  operation: 'removeNode',
  tag: 'nodes',
  summary: 'Remove a node; its token is worth nothing from then on',
  access: 'own-node',
  params: nodePath,
  answers: { 204: { description: 'It is gone.' } },
  problems: ['UNKNOWN_NODE', 'NOT_YOUR_NODE'],
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
  summary: 'Tell that a node is there',
  access: 'own-node',
  params: nodePath,
  answers: { 200: { description: 'The node, with how often it should be heard.', content: node } },
  problems: ['UNKNOWN_NODE', 'NOT_YOUR_NODE'],
  handle: ({ ctx, params, services }) => {
    ctx.body = services.coordinator.heartbeat(params.node);
  },
});
