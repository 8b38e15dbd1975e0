/**
 * The system's status over HTTP, on 127.0.0.1 only:
 *
 *   GET /v1/components   every component (supervise/statusView.ts)
 *   GET /health/live     200 while the orchestrator responds
 *   GET /health/ready    200 if every component is up or completed, otherwise 503
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa, { type Context } from 'koa';
import { pino } from 'pino';
import { reasonOf } from '../client/transport.js';
import { QuorateError } from '../errors.js';
import { admitHost } from '../server/auth/client.js';
import { errorResponse, portInUse } from '../server/http/problemDocument.js';
import { requireValidHead } from '../server/http/requestHead.js';
import { requestLog } from '../server/http/requestLog.js';
import type { SystemView } from './supervise/statusView.js';

const silent = pino({ level: 'silent' });
const methods = ['GET', 'HEAD'];

const routes = new Map<string, (ctx: Context, view: SystemView) => void>([
  ['/v1/components', (ctx, view) => void (ctx.body = view)],
  ['/health/live', (ctx) => void (ctx.body = { status: 'live' })],
  [
    '/health/ready',
    (ctx, { status }) => {
      ctx.status = status === 'ready' ? 200 : 503;
      ctx.body = { status };
    },
  ],
]);

export interface StatusServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param port 0 picks a free port. @throws QuorateError PORT_IN_USE, INVALID_PARAMETER */
export async function serveStatus(view: () => SystemView, port: number): Promise<StatusServer> {
  const app = new Koa();
  const policy = { names: new Set<string>(), isAuthOn: false };
  app.use(requestLog(silent)).use(errorResponse(silent));
  app.use((ctx) => {
    if (!ctx.path.startsWith('/health/')) admitHost(ctx.req, ctx.req.headers.host, policy);
    const respond = routes.get(ctx.path);
    if (!respond) throw new QuorateError('NOT_FOUND', `there is nothing at ${ctx.path}`);
    if (!methods.includes(ctx.method)) {
      throw new QuorateError('METHOD_NOT_ALLOWED', `${ctx.path} allows ${methods.join(', ')}`, {
        allowed: methods,
      });
    }
    ctx.set('Cache-Control', 'no-store');
    respond(ctx, view());
  });

  const handle = app.callback();
  const server = createServer(
    { requireHostHeader: false }, // refused by requireValidHead, with a problem document
    requireValidHead((req, res) => void handle(req, res)),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw portInUse('127.0.0.1', port, error);
    throw new QuorateError(
      'INVALID_PARAMETER',
      `status.port: ${reasonOf(error)}`,
      { parameter: 'status.port' },
      error,
    );
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
