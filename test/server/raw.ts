/** Requests byte by byte, for what no HTTP library would send. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

export class Raw {
  readonly socket: Socket;
  private text = '';
  private ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.ended = true));
  }

  static async open(port: number): Promise<Raw> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Raw(socket);
  }

  send(data: string | Uint8Array): this {
    this.socket.write(data);
    return this;
  }

  get received(): string {
    return this.text;
  }

  /** Waits until what has come matches. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.ended) throw new Error(`the connection ended after: ${this.text}`);
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return this.text;
  }

  /** Waits until the other side has closed. */
  async closed(): Promise<string> {
    if (!this.ended) await once(this.socket, 'close');
    return this.text;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
