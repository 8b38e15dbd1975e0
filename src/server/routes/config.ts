/** GET /v1/config: what the server was told to be, secrets not shown. */
import { configSchema, redactConfig } from '../config.js';
import { route } from '../route.js';

export const config = route({
  method: 'GET',
  path: '/v1/config',
  operation: 'config',
  tag: 'server',
  summary: "The server's configuration, secrets not shown",
  access: 'read',
  answers: { 200: { description: 'All of it.', content: { 'application/json': configSchema } } },
  handle: ({ ctx, services }) => {
    ctx.body = redactConfig(services.config);
  },
});
