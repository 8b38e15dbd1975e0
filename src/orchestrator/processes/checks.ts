/** Health checks. A check that takes too long fails, and leaves no process or connection behind. */
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect } from 'node:net';
import { reasonOf } from '../../client/transport.js';
import { systemClock } from '../../core/clock.js';
import type { Component } from '../plan/systemPlan.js';
import { formatDuration, formatExit } from '../supervise/state.js';
import { launch } from './launch.js';
import type { Reaper } from './reaper.js';

/**
 * Runs a component's check once.
 *
 * @param controller ends the check early; aborted after the check's timeout
 * @returns why the check failed; null if it passed
 */
export async function check(
  component: Component,
  reaper: Reaper,
  controller: AbortController,
): Promise<string | null> {
  const { check, timeoutMs } = component;
  const { signal } = controller;
  // On the steady clock: a check isn't late because this process was stopped.
  const cancelTimeout = systemClock.at(systemClock.now() + timeoutMs, () => controller.abort());
  const timedOut = `no response within ${formatDuration(timeoutMs)}`;
  try {
    switch (check.kind) {
      case 'http':
        return await checkHttp(check.url, signal);
      case 'tcp':
        await checkTcp(check, signal);
        return null;
      case 'exec': {
        const error = await checkExec({ ...component, command: check.command }, reaper, signal);
        return signal.aborted ? timedOut : error;
      }
      case 'line':
      case 'none':
        return null;
    }
  } catch (error) {
    return signal.aborted ? timedOut : reasonOf(error);
  } finally {
    cancelTimeout();
  }
}

/** Each check has a connection of its own and closes it: a kept-alive one would block a server that serves one at a time. */
function checkHttp(url: string, signal: AbortSignal): Promise<string | null> {
  const get = new URL(url).protocol === 'https:' ? getHttps : getHttp;
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent: false }, ({ statusCode = 0 }) => {
      const isHealthy = statusCode >= 200 && statusCode < 300;
      resolve(isHealthy ? null : `${url} responded with ${statusCode}`);
      request.destroy();
    });
    request.on('error', reject);
  });
}

function checkTcp({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('error', reject).once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

async function checkExec(
  { command, cwd, env }: Component,
  reaper: Reaper,
  signal: AbortSignal,
): Promise<string | null> {
  let lastLine = '';
  const launched = launch({ command, cwd, env }, reaper, (_, line) => void (lastLine = line));
  const abort = (): void => launched.signal('SIGKILL');
  signal.addEventListener('abort', abort);
  const exit = await launched.exited;
  signal.removeEventListener('abort', abort);
  launched.closeOutput();
  if (exit.code === 0) return null;
  return `${command[0]} ${formatExit(exit)}${lastLine === '' ? '' : `: ${lastLine}`}`;
}
