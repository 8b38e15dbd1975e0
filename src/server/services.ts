/** What the routes work with. */
import type { Logger } from 'pino';
import type { Coordinator } from '../coordinator/coordinator.js';
import type { Engine } from '../core/engine.js';
import type { BodyRoom } from './bodyRoom.js';
import type { ServerConfig } from './config.js';

export interface Lifecycle {
  readonly isEnding: boolean;
}

export interface Services {
  readonly coordinator: Coordinator;
  readonly config: ServerConfig;
  readonly log: Logger;
  /** For what is aggregated at request; undefined: the process's own. */
  readonly engine: Engine | undefined;
  readonly lifecycle: Lifecycle;
  readonly isAuthOn: boolean;
  readonly room: BodyRoom;
  /** How many event sockets are open. */
  readonly sockets: () => number;
}
