/** A stream's lines, as they come. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Longer lines are cut into pieces of this length, so that none is held without end. */
export const MOST_CHARACTERS = 65_536;

/** The stream is read only as fast as lines are taken. A stream that breaks ends. */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield* pieces(line.endsWith('\r') ? line.slice(0, -1) : line);
      while (rest.length > MOST_CHARACTERS) {
        yield rest.slice(0, MOST_CHARACTERS);
        rest = rest.slice(MOST_CHARACTERS);
      }
    }
  } catch {
    // destroyed, or broken: what came before it counts
  }
  rest += decoder.end();
  if (rest !== '') yield* pieces(rest);
}

function* pieces(line: string): Generator<string> {
  for (let at = 0; at === 0 || at < line.length; at += MOST_CHARACTERS) {
    yield line.slice(at, at + MOST_CHARACTERS);
  }
}
