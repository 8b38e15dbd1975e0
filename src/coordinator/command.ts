/** What may be asked of a session in which state. Asking again for what is so already is no mistake. */
import { QuorateError } from '../errors.js';
import type { SessionStatus } from '../rounds/state.js';

export type Command = 'start' | 'pause' | 'resume' | 'stop';

const allowed: Readonly<Record<Command | 'set-model', readonly SessionStatus[]>> = {
  'set-model': ['created'],
  start: ['created', 'running'],
  pause: ['running', 'paused'],
  resume: ['paused', 'running'],
  stop: ['created', 'running', 'paused', 'stopped'],
};

/** @throws QuorateError WRONG_STATE */
export function requireAllowed(command: Command | 'set-model', status: SessionStatus): void {
  if (allowed[command].includes(status)) return;
  throw new QuorateError('WRONG_STATE', `a session that is ${status} does not take '${command}'`, {
    command,
    status,
  });
}
