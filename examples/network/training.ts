/** Runs one session on a running server, from its creation to its end, with ten node processes. */
import { createClient } from '../../src/client/index.js';
import { writeSafetensors } from '../../src/formats/safetensors.js';
import { createNetwork } from '../mnist/network.js';
import { followEvents } from './followEvents.js';
import type { Processes } from './processes.js';
import { sessionOf, type Setting, trainConfigOf } from './setting.js';

export interface Trained {
  readonly model: Float32Array;
  /** SHA-256 of its bytes, in hex. */
  readonly digest: string;
}

export interface TrainingOptions {
  readonly processes: Processes;
  readonly server: string;
  readonly session: string;
  readonly setting: Setting;
  /** After each committed round, with its model. */
  readonly onRound: (round: number, model: Float32Array) => void;
  readonly signal: AbortSignal;
}

/** The first model as a file that servers take. */
export function initialModel(setting: Setting): Uint8Array {
  const network = createNetwork(trainConfigOf(setting).hidden);
  const values = network.initialize(setting.seed);
  return writeSafetensors(
    network.tensors.map(({ name, shape, offset }) => {
      const length = shape.reduce((product, extent) => product * extent, 1);
      return { name, shape, values: values.subarray(offset, offset + length) };
    }),
  );
}

/** @throws Error when a node ends before the session does */
export async function trainOverNetwork(options: TrainingOptions): Promise<Trained> {
  const { processes, server, session, setting, onRound, signal } = options;
  const client = createClient({ server });
  await client.createSession(sessionOf(setting, session));
  await client.setModel(session, initialModel(setting));
  await client.start(session);

  const nodes = processes.nodes(setting, server, session);
  const stopped = new Promise<never>((_, reject) => {
    for (const { ended, errorOutput } of nodes) {
      void ended.then(({ code, signal: by }) => {
        if (code !== 0) reject(new Error(`a node ended with ${code ?? by ?? 'no code'}: ${errorOutput()}`));
      });
    }
  });
  const watched = followEvents(client, { session, signal }, async ({ type, round, status }) => {
    if (type === 'round-committed') onRound(Number(round), (await client.model(session)).values);
    return type === 'session-status' && status === 'completed';
  });
  await Promise.race([watched, stopped]);
  await Promise.race([Promise.all(nodes.map(({ ended }) => ended)), stopped]);
  const { values, digest } = await client.model(session);
  return { model: values, digest };
}
