/** One session, from its creation to its end: a server that is there, ten node processes, and what they reach. */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '../../src/client/index.js';
import { QuorateError } from '../../src/errors.js';
import { writeSafetensors } from '../../src/formats/safetensors.js';
import { createNetwork } from '../mnist/network.js';
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

/** Between two attempts to find a server that went away. */
const RETURN_MS = 200;

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
    for (const { ended, said } of nodes) {
      void ended.then(({ code, signal: by }) => {
        if (code !== 0) reject(new Error(`a node ended with ${code ?? by ?? 'nothing'}: ${said()}`));
      });
    }
  });
  let last = 0;
  /** @returns at the session's end. @throws QuorateError CONNECTION_FAILED when the server goes away */
  const watch = async (): Promise<void> => {
    for await (const event of client.events({ session, since: last, signal })) {
      if (event.type === 'round-committed')
        onRound(Number(event.round), (await client.model(session)).values);
      last = event.number;
      if (event.type === 'session-status' && event.status === 'completed') return;
    }
  };
  const watchOn = async (): Promise<void> => {
    for (;;) {
      try {
        await watch();
        return;
      } catch (error) {
        if (!(error instanceof QuorateError) || error.code !== 'CONNECTION_FAILED') throw error;
        await pause(RETURN_MS, undefined, { signal });
      }
    }
  };
  await Promise.race([watchOn(), stopped]);
  await Promise.race([Promise.all(nodes.map(({ ended }) => ended)), stopped]);
  const { values, digest } = await client.model(session);
  return { model: values, digest };
}
