/** quorate/client in Node, Deno and Bun. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';
import { type Client, type ClientOptions, connect } from './client.js';
import { join, type JoinOptions, type Outcome } from './joinSession.js';
import { nodeSocket } from './nodeSocket.js';

installHost(nodeHost);

/**
 * Takes part in a session until it ends: registers, keeps the heartbeat, follows the rounds, trains, sends, and comes
 * back after whatever interrupts the connection.
 *
 * @throws QuorateError the server's code for what it refuses for good; CONNECTION_FAILED after retry.giveUpAfterMs;
 *   TRAINING_FAILED when train or evaluate throws; ABORTED by the signal; INVALID_PARAMETER, UNKNOWN_PARAMETER,
 *   BAD_TYPE before anything is sent
 * @example
 * await joinSession({ server: 'http://127.0.0.1:8080', session: 'digits', node: 'node-1', train });
 */
export const joinSession = (options: JoinOptions): Promise<Outcome> => join(options, nodeSocket);

/**
 * The server's resources, one method each; nothing is tried twice.
 *
 * @throws QuorateError INVALID_PARAMETER
 * @example
 * const session = await createClient({ server: 'http://127.0.0.1:8080' }).session('digits');
 */
export const createClient = (options: ClientOptions): Client => connect(options, nodeSocket);

export * from './api.js';
