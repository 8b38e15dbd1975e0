import { expect } from 'chai';
import { PassThrough } from 'node:stream';
import { createProgress } from '../../../examples/demo/progress.js';

/** What is written when the stream is, or is not, a terminal. */
async function written(isTTY: boolean, columns = 100, first = 'first', steps = 40): Promise<string> {
  const stream = Object.assign(new PassThrough(), { isTTY, columns, rows: 30 });
  const progress = createProgress(
    [
      { name: first, total: 40 },
      { name: 'second', total: 3 },
    ],
    stream,
  );
  for (let step = 0; step < steps; step++) {
    progress.begin(first, 'round 12: 10.3%');
    progress.step(first);
  }
  for (let step = 0; step < 3; step++) progress.step('second');
  progress.stop();
  stream.end();
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

describe('createProgress', () => {
  it('writes plain lines, a tenth at a time, where there is no terminal', async () => {
    const lines = (await written(false)).split('\n');
    expect(lines.slice(0, 3)).deep.equal(['first: 10%', 'first: 20%', 'first: 30%']);
    expect(lines.slice(-4)).deep.equal(['second: 30%', 'second: 60%', 'second: 100%', '']);
    expect(lines).length(14);
  });

  it('draws bars in a terminal and gives the cursor back', async () => {
    const text = await written(true);
    const [hidden, shown] = ['[?25l', '[?25h'].map((code) => String.fromCharCode(27) + code);
    expect(text).include('█').and.include('100%').and.include(hidden);
    expect(text.lastIndexOf(shown!)).greaterThan(text.lastIndexOf(hidden!));
  });

  it('keeps all of it within a narrow terminal, and has longer bars in a wide one', async () => {
    const barOf = async (columns: number) => {
      const text = await written(true, columns, 'nnm(f=3) > trimmed-mean(f=3)', 30);
      const drawn = text.split(String.fromCharCode(27)).map((part) => part.replace(/^\[[0-9?]*[A-Za-z]/, ''));
      const lines = drawn.filter((line) => line.includes('round 12: 10.3%'));
      expect(lines).not.deep.equal([]);
      for (const line of lines) expect(line.length, line).at.most(columns);
      return /[█░]+/.exec(lines[0]!)![0].length;
    };
    expect(await barOf(80)).equal(10);
    expect(await barOf(120)).equal(28);
  });
});
