/** Asks a component whether it is well. A check that takes too long says so, and leaves nothing behind. */
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect } from 'node:net';
import { reasonOf } from '../../client/transport.js';
import type { Reaper } from './reaper.js';
import { launch } from './launch.js';
import type { Component } from '../plan/systemPlan.js';
import { formatExit, formatDuration } from '../supervise/format.js';

/**
 * @param end what ends it, at the latest after its time
 * @returns what is wrong; null: nothing is, as far as this kind of check can tell
 */
export async function check(
  component: Component,
  guard: Reaper,
  end: AbortController,
): Promise<string | null> {
  const { check, timeoutMs } = component;
  const { signal } = end;
  const timer = setTimeout(() => end.abort(), timeoutMs);
  const late = `no answer within ${formatDuration(timeoutMs)}`;
  try {
    switch (check.kind) {
      case 'http':
        return await answers(check.url, signal);
      case 'tcp':
        await takesConnections(check, signal);
        return null;
      case 'exec': {
        const trouble = await succeeds({ ...component, command: check.command }, guard, signal);
        return signal.aborted ? late : trouble;
      }
      case 'line':
      case 'none':
        return null;
    }
  } catch (error) {
    return signal.aborted ? late : reasonOf(error);
  } finally {
    clearTimeout(timer);
  }
}

/** By a connection that ends with the answer: who serves one at a time would else have nobody served but this. */
function answers(url: string, signal: AbortSignal): Promise<string | null> {
  const get = new URL(url).protocol === 'https:' ? getHttps : getHttp;
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent: false }, ({ statusCode = 0 }) => {
      const isWell = statusCode >= 200 && statusCode < 300;
      resolve(isWell ? null : `${url} answers with ${statusCode}`);
      request.destroy();
    });
    request.on('error', reject);
  });
}

function takesConnections(
  { host, port }: { host: string; port: number },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('error', reject).once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

async function succeeds(
  { command, cwd, env }: Component,
  guard: Reaper,
  signal: AbortSignal,
): Promise<string | null> {
  let said = '';
  const process_ = launch({ command, cwd, env }, guard, (_, line) => void (said = line));
  const abort = (): void => process_.signal('SIGKILL');
  signal.addEventListener('abort', abort);
  const exit = await process_.exited;
  signal.removeEventListener('abort', abort);
  process_.silence();
  if (exit.code === 0) return null;
  return `${command[0]} ${formatExit(exit)}${said === '' ? '' : `: ${said}`}`;
}
