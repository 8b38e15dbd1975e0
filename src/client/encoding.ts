/** An update as the bytes that are sent. */
import { encode, type Encoding } from '../core/codec.js';
import { createEngine, type Engine } from '../core/engine.js';
import { bytesOf } from './client.js';

export interface Encoder {
  /** @throws QuorateError NON_FINITE, NON_FINITE_RESULT; as f32 everything goes, and the server judges it */
  encode(update: Float32Array): Promise<{ contentType: string; body: Uint8Array<ArrayBuffer> }>;
  dispose(): Promise<void>;
}

export function createEncoder(encoding: Encoding): Encoder {
  let engine: Engine | undefined; // its memory is needed only for what isn't float32

  return {
    async encode(update) {
      if (encoding === 'f32') return { contentType: 'application/octet-stream', body: bytesOf(update) };
      engine ??= createEngine({ threads: 1 });
      const encoded = await encode(update, encoding, { engine });
      const scale = encoded.encoding === 'int8' ? `; scale=${encoded.scale}` : '';
      const body = new Uint8Array(encoded.bytes);
      return { contentType: `application/vnd.quorate.${encoding}${scale}`, body };
    },
    dispose: async () => engine?.dispose(),
  };
}
