/**
 * Runs rounds for a while and samples the server's memory, which must not grow with the number of rounds. In each round,
 * one upload is aborted and one event socket comes and goes.
 */
import { request } from 'node:http';
import WebSocket from 'ws';
import type { Usage } from './child.js';
import type { ServerMeasure } from './measure.js';
import { inParallel } from './requests.js';
import { type Scene, startScene, updateBytes } from './scene.js';

const nodes = 10;
const d = 25_000;

export interface Sample extends Usage {
  /** Time since the start. */
  readonly seconds: number;
}

export interface Soaked {
  readonly rounds: number;
  readonly seconds: number;
  /** One per ten rounds. */
  readonly samples: readonly Sample[];
  /** With no client connected: after the first rounds, and after the last. */
  readonly idle: readonly [Usage, Usage];
}

/** Growth per second after the first third, by least squares. */
export function slope({ samples, seconds: length }: Soaked, of: (sample: Sample) => number): number {
  const settled = samples.filter(({ seconds }) => seconds > length / 3);
  const n = settled.length;
  const meanX = settled.reduce((sum, { seconds }) => sum + seconds, 0) / n;
  const meanY = settled.reduce((sum, sample) => sum + of(sample), 0) / n;
  const above = settled.reduce((sum, sample) => sum + (sample.seconds - meanX) * (of(sample) - meanY), 0);
  const below = settled.reduce((sum, { seconds }) => sum + (seconds - meanX) ** 2, 0);
  return above / below;
}

/** Rounds before the first idle sample: enough for the store to hold as many rounds and checkpoints as it keeps. */
const FIRST_ROUNDS = 30;

export async function soakFor(seconds: number): Promise<Soaked> {
  const body = updateBytes(d);
  const scene = await startScene({
    disk: true,
    nodes,
    d,
    pipeline: 'trimmed-mean(f=2)',
    rounds: 1_000_000,
    keepEvents: 300, // reached by the first idle sample
  });
  const samples: Sample[] = [];
  try {
    let round = 0;
    const next = async (): Promise<void> => {
      const to = ++round;
      await cutOff(scene, to, body);
      const connected = await openSocket(scene);
      await inParallel(
        nodes,
        Array.from(
          { length: nodes },
          (_, node) => () => scene.connections.send('PUT', scene.path(to, node), body),
        ),
      );
      await scene.committed(to);
      connected.terminate();
    };
    while (round < FIRST_ROUNDS) await next();
    const before = await idleUsage(scene);
    const began = performance.now();
    const elapsed = (): number => (performance.now() - began) / 1000;
    while (elapsed() < seconds) {
      await next();
      if (round % 10 === 0) samples.push({ seconds: elapsed(), ...(await scene.child.usage()) });
    }
    const length = elapsed();
    const after = await idleUsage(scene);
    return { rounds: round - FIRST_ROUNDS, seconds: length, samples, idle: [before, after] };
  } finally {
    await scene.close();
  }
}

/** Sends half an update, then closes the connection. */
function cutOff(scene: Scene, round: number, body: Uint8Array): Promise<void> {
  const url = new URL(scene.path(round, round % nodes), scene.child.url);
  const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length };
  return new Promise((resolve) => {
    const sent = request(url, { method: 'PUT', headers, agent: false });
    sent.once('close', resolve);
    sent.once('error', () => undefined);
    sent.write(body.subarray(0, body.length / 2), () => sent.destroy());
  });
}

async function openSocket(scene: Scene): Promise<WebSocket> {
  const socket = new WebSocket(`${scene.child.url.replace('http', 'ws')}/v1/events`);
  await new Promise((resolve, reject) => {
    socket.once('message', resolve).once('error', reject);
  });
  return socket;
}

const MAX_WAIT_MS = 10_000;

/** Waits until the server has noticed that every connection is closed. */
async function idleUsage(scene: Scene): Promise<Usage> {
  scene.connections.close();
  const began = performance.now();
  for (let least = await scene.child.usage(); ;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const usage = await scene.child.usage();
    if (usage.descriptors >= least.descriptors && performance.now() - began > 1000) return usage;
    if (performance.now() - began > MAX_WAIT_MS) return usage;
    least = usage;
  }
}

export const soak: ServerMeasure = {
  name: 'soak',
  summary: '60 s of rounds with resident memory sampled',
  async run({ quick }) {
    const soaked = await soakFor(quick ? 10 : 60);
    const seconds = Math.round(soaked.seconds);
    return [
      {
        what: `rounds of ${nodes} × ${d.toLocaleString('en')} on disk`,
        value: soaked.rounds / soaked.seconds,
        unit: '/s',
      },
      { what: `${seconds} s of rounds: peak memory`, value: soaked.idle[1].peakBytes / 1e6, unit: 'MB' },
      {
        what: `${seconds} s of rounds: growth of memory after the first third`,
        value: slope(soaked, ({ residentBytes }) => residentBytes) / 1000,
        unit: 'kB/s',
      },
    ];
  },
};
