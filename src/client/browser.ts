/** quorate/client in browsers. Nothing here imports Node's modules. */
import { browserHost } from '../../bindings/browser.js';
import { installHost } from '../core/host.js';
import { type Client, type ClientOptions, connect } from './client.js';
import { join, type JoinOptions, type Outcome } from './joinSession.js';
import { pageSocket } from './pageSocket.js';

installHost(browserHost);

/** As in Node (index.ts). The server must allow the page's origin (`cors.origins`). */
export const joinSession = (options: JoinOptions): Promise<Outcome> => join(options, pageSocket);

/** As in Node (index.ts). */
export const createClient = (options: ClientOptions): Client => connect(options, pageSocket);

export * from './api.js';
