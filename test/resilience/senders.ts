/** Nodes that send what is theirs to send when a test says so, and do nothing else: a server has to wait for them. */
import { expect } from 'chai';
import { type Client, QuorateError } from '../../src/client/index.js';
import type { SessionConfigInput } from '../../src/protocol/sessionConfig.js';
import type { UpdateReceipt } from '../../src/protocol/views.js';
import { bytesOf } from '../support/storeData.js';
import { nodeName, SESSION } from './system.js';
import { updateOf } from './trainer.js';

/** They are never lost. */
export const senderSettings = { 'liveness.heartbeatMs': 3_600_000 };

export class Senders {
  readonly names: readonly string[];
  private readonly d: number;
  private readonly config: Omit<SessionConfigInput, 'id'>;

  /** @param d of the model, of zeros */
  constructor(count: number, d: number, config: Omit<SessionConfigInput, 'id' | 'quorum' | 'deadlineMs'>) {
    this.names = Array.from({ length: count }, (_, node) => nodeName(node));
    this.d = d;
    this.config = { ...config, quorum: count, deadlineMs: 3_600_000 };
  }

  /** Registers them and makes the session run, as far as that isn't so. */
  async begin(client: Client): Promise<void> {
    for (const id of this.names) {
      await client.registerNode({ id, sessions: [SESSION] });
      await client.heartbeat(id);
    }
    const { model, status } = await client.createSession({ id: SESSION, ...this.config });
    if (model === null) await client.setModel(SESSION, new Float32Array(this.d));
    if (status === 'created') await client.start(SESSION);
  }

  /** The first so many, each once, one after the other. @returns what was acknowledged, and why the others were not */
  async send(client: Client, round: number, count = this.names.length) {
    const taken: UpdateReceipt[] = [];
    const refused: QuorateError[] = [];
    for (const [node, id] of this.names.slice(0, count).entries()) {
      const body = bytesOf(updateOf(node, round, this.d)) as Uint8Array<ArrayBuffer>;
      const update = { contentType: 'application/octet-stream', body, numExamples: 1 };
      try {
        taken.push(await client.sendUpdate(SESSION, round, id, update));
      } catch (error) {
        if (!(error instanceof QuorateError)) throw error;
        refused.push(error);
      }
    }
    return { taken, refused };
  }

  /** All of them, which must all be taken, up to the round's commit. */
  async complete(client: Client, round: number): Promise<readonly UpdateReceipt[]> {
    const { taken, refused } = await this.send(client, round);
    expect(refused.map(({ message }) => message)).deep.equal([]);
    await committed(client, round);
    return taken;
  }
}

/** Resolves when the round is committed. */
export async function committed(client: Client, round: number): Promise<void> {
  while ((await client.session(SESSION)).committed < round) await new Promise(setImmediate);
}
