/** The entry `quorate/client` in Node, Deno and Bun. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';
import type { Client, ClientOptions } from './client.js';
import { connect } from './createClient.js';
import { join, type JoinOptions, type Outcome } from './joinSession.js';
import { nodeSocket } from './nodeSocket.js';

installHost(nodeHost);

/**
 * Takes part in a session until it ends: registers the node, sends heartbeats, follows the rounds, trains, sends updates,
 * and reconnects after interruptions.
 *
 * @returns how the participation ended
 * @throws QuorateError the server's code for what it refuses permanently; CONNECTION_FAILED after `retry.giveUpAfterMs`;
 *   TRAINING_FAILED if `train` or `evaluate` throws; ABORTED by `signal`; INVALID_PARAMETER, UNKNOWN_PARAMETER, BAD_TYPE
 *   before anything is sent
 * @example
 * await joinSession({ server: 'http://127.0.0.1:8080', session: 'digits', node: 'node-1', train });
 */
export const joinSession = (options: JoinOptions): Promise<Outcome> => join(options, nodeSocket);

/**
 * A typed client of the server's HTTP API, with one method per operation. Requests are not retried.
 *
 * @throws QuorateError INVALID_PARAMETER if the address is not valid
 * @example
 * const session = await createClient({ server: 'http://127.0.0.1:8080' }).session('digits');
 */
export const createClient = (options: ClientOptions): Client => connect(options, nodeSocket);

export * from './api.js';
