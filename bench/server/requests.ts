/** Concurrent requests on kept-alive connections, as many nodes make them. */
import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly ms: number;
}

/** A pool of connections to one server. */
export class Connections {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, max: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: max });
  }

  /** @throws Error with the response body, for a status of 400 or above */
  send(method: string, path: string, body?: Uint8Array, type = 'application/octet-stream'): Promise<Answer> {
    const began = performance.now();
    const headers = body ? { 'content-type': type, 'content-length': body.length } : {};
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, this.#url), { method, agent: this.#agent, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', reject);
        response.once('end', () => {
          const status = response.statusCode ?? 0;
          const answer = { status, body: Buffer.concat(parts), ms: performance.now() - began };
          if (status < 400) resolve(answer);
          else reject(new Error(`${method} ${path}: ${status} ${answer.body.toString()}`));
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  async json(method: string, path: string, body?: object): Promise<unknown> {
    const text = body && Buffer.from(JSON.stringify(body));
    const answer = await this.send(method, path, text, 'application/json');
    return answer.body.length > 0 ? JSON.parse(answer.body.toString()) : undefined;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Runs tasks in order, at most `limit` at a time. */
export async function inParallel<T>(limit: number, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < tasks.length) {
      const task = next++;
      results[task] = await tasks[task]!();
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
