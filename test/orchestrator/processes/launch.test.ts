import { expect } from 'chai';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { launch, linesOf, MAX_CHARACTERS } from '../../../src/orchestrator/processes/launch.js';

describe('launch', () => {
  it('releases a program only once the reaper knows it, and reports its end', async () => {
    const order: string[] = [];
    const reaper = {
      add: async () => {
        await pause(100); // for a program that would not wait
        order.push('known');
      },
      remove: () => void order.push('forgotten'),
    };
    const program = { command: ['echo', 'began'], cwd: process.cwd(), env: process.env };
    const { started, exited } = launch(program, reaper, (_, line) => void order.push(line));
    expect(await started).greaterThan(1);
    expect(await exited).deep.equal({ code: 0, signal: null, message: null });
    expect(order).have.members(['known', 'began', 'forgotten']);
    expect(order[0]).equal('known');
  });
});

const read = (...chunks: readonly (string | Buffer)[]): Promise<string[]> =>
  collect(linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk)))));

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('linesOf', () => {
  it('gives whole lines, however they come in', async () => {
    expect(await read('a\nb', 'c\r\n', '\nd')).deep.equal(['a', 'bc', '', 'd']);
    expect(await read('a\n')).deep.equal(['a']);
    expect(await read()).deep.equal([]);
  });

  it('keeps characters whole that are cut between two reads', async () => {
    const bytes = Buffer.from('größe\n');
    expect(await read(...[...bytes].map((byte) => Buffer.of(byte)))).deep.equal(['größe']);
  });

  it('cuts a line that has no end', async () => {
    const long = 'x'.repeat(2.5 * MAX_CHARACTERS);
    for (const lines of [await read(long, long), await read(`${long}${long}\n`)]) {
      expect(lines.map(({ length }) => length)).deep.equal(Array.from({ length: 5 }, () => MAX_CHARACTERS));
    }
  });

  it('ends with a stream that breaks, after what came before', async () => {
    async function* broken() {
      yield Buffer.from('a\nb');
      throw new Error('broken');
    }
    expect(await collect(linesOf(Readable.from(broken())))).deep.equal(['a', 'b']);
  });
});
