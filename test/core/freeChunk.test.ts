import { expect } from 'chai';
import { freeChunk } from '../../src/core/freeChunk.js';

describe('a chunk that is given back', () => {
  it('has no memory any more', () => {
    const chunk = Buffer.from(new ArrayBuffer(65_536));
    const { buffer } = chunk;
    freeChunk(chunk);
    expect([chunk.length, buffer.byteLength]).deep.equal([0, 0]);
  });

  it('keeps memory that it shares', () => {
    const memory = Uint8Array.of(1, 2, 3, 4);
    freeChunk(memory.subarray(0, 3));
    freeChunk(new Uint8Array(new SharedArrayBuffer(8)));
    expect([...memory]).deep.equal([1, 2, 3, 4]);
  });
});
