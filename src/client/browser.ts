/** The entry `quorate/client` in browsers. Nothing here imports Node's modules. */
import { browserHost } from '../../bindings/browser.js';
import { installHost } from '../core/host.js';
import type { Client, ClientOptions } from './client.js';
import { connect } from './createClient.js';
import { join, type JoinOptions, type Outcome } from './joinSession.js';
import { pageSocket } from './pageSocket.js';

installHost(browserHost);

/**
 * Takes part in a session until it ends; see the same function of the Node entry. The server must allow the page's origin
 * (`cors.origins`).
 *
 * @returns how the participation ended
 * @throws QuorateError the server's code for what it refuses permanently; CONNECTION_FAILED after `retry.giveUpAfterMs`;
 *   TRAINING_FAILED if `train` or `evaluate` throws; ABORTED by `signal`; INVALID_PARAMETER, UNKNOWN_PARAMETER, BAD_TYPE
 *   before anything is sent
 * @example
 * await joinSession({ server: location.origin, session: 'digits', node: 'browser-1', train });
 */
export const joinSession = (options: JoinOptions): Promise<Outcome> => join(options, pageSocket);

/**
 * A typed client of the server's HTTP API; see the same function of the Node entry. The server must allow the page's
 * origin (`cors.origins`).
 *
 * @throws QuorateError INVALID_PARAMETER if the address is not valid
 * @example
 * const session = await createClient({ server: location.origin }).session('digits');
 */
export const createClient = (options: ClientOptions): Client => connect(options, pageSocket);

export * from './api.js';
