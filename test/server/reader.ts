/** The other side of the event socket, for tests. */
import { once } from 'node:events';
import WebSocket from 'ws';

export type Message = Record<string, unknown> & { type: string; number: number };

/** A reader of events. */
export class Reader {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];

  /** @param at an address, or a socket that nothing has come from yet */
  constructor(
    at: string | WebSocket,
    options: { headers?: Record<string, string>; protocols?: string[] } = {},
  ) {
    this.socket =
      typeof at === 'string'
        ? new WebSocket(at.replace('http', 'ws'), options.protocols ?? [], { headers: options.headers ?? {} })
        : at;
    this.socket.on(
      'message',
      (data: Buffer) => void this.messages.push(JSON.parse(data.toString()) as Message),
    );
    this.socket.on('error', () => undefined);
  }

  get numbers(): number[] {
    return this.messages.slice(1).map(({ number }) => number);
  }

  async until(fits: (messages: readonly Message[]) => boolean): Promise<this> {
    while (!fits(this.messages)) await once(this.socket, 'message');
    return this;
  }

  async closed(): Promise<number> {
    if (this.socket.readyState === WebSocket.CLOSED) throw new Error('closed before');
    const [code] = (await once(this.socket, 'close')) as [number];
    return code;
  }
}
