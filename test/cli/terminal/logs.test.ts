import { expect } from 'chai';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { logLines, logText } from '../../../src/cli/terminal/logs.js';

const plain = { json: false, terminal: false, color: false };

/** Takes one write at a time, and completes it on `go`. */
class Slow extends Writable {
  readonly taken: string[] = [];
  private next: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(chunk: string, _: string, done: () => void): void {
    this.taken.push(chunk);
    this.next = done;
  }

  go(): void {
    this.next?.();
  }
}

class Fast extends Writable {
  readonly taken: string[] = [];

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.taken.push(chunk.toString());
    done();
  }
}

const line = { component: 'a', stream: 'stdout', line: 'hello', atMs: 0 } as const;
const event = { component: 'a', state: 'running', message: 'running, pid 1', atMs: 0 } as const;

describe('logLines', () => {
  it('puts the component’s name before each line, all of one width', () => {
    const out = new Fast();
    const log = logLines(out, ['a', 'a-long-name'], plain);
    void log.line(line);
    void log.line({ ...line, component: 'a-long-name' });
    log.event(event);
    log.facts({ status: 'http://x' });
    expect(out.taken).deep.equal([
      'a           | hello\n',
      'a-long-name | hello\n',
      'quorate     | a running, pid 1\n',
      'quorate     | status: http://x\n',
    ]);
  });

  it('gives each component a color of its own, for its name alone', () => {
    const out = new Fast();
    const names = Array.from({ length: 8 }, (_, index) => `c-${index}`);
    const log = logLines(out, names, { json: false, terminal: true, color: true });
    for (const component of names) void log.line({ ...line, component });
    const escape = String.fromCharCode(27);
    const colors = out.taken.map((text) => text.slice(0, text.indexOf('c-')));
    expect(new Set(colors).size).equal(8);
    for (const text of out.taken)
      expect(text.startsWith(`${escape}[`) && text.endsWith(`${escape}[39m hello\n`)).true;
  });

  it('lets no component take over a terminal, and passes its bytes on unchanged elsewhere', () => {
    const escape = String.fromCharCode(27);
    const text = `${escape}[31mred\r\t${escape}[2J\u0007\u009b1m`;
    const shown = (terminal: boolean): string => {
      const out = new Fast();
      void logLines(out, ['a'], { ...plain, terminal }).line({ ...line, line: text });
      return out.taken.join('');
    };
    expect(shown(false)).equal(`a       | ${text}\n`);
    expect(shown(true)).equal(`a       | ${escape}[31mred\\x0d\t\\x1b[2J\\x07\\x9b1m${escape}[0m\n`);
  });

  it('doesn’t make writers wait for a broken stream', async () => {
    const out = new Slow();
    out.on('error', () => undefined);
    const log = logLines(out, ['a'], plain);
    let isOver = false;
    const waiting = Promise.resolve(log.line(line)).then(() => (isOver = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).equal(false);
    out.destroy(new Error('closed'));
    await waiting;
    expect(isOver).equal(true);
  });

  it('writes JSON lines with component, stream and time', () => {
    const out = new Fast();
    const log = logLines(out, ['a'], { json: true, terminal: false, color: false });
    void log.line({ ...line, line: 'with "quotes"' });
    log.event(event);
    expect(out.taken.map((text) => JSON.parse(text) as unknown)).deep.equal([
      { time: '1970-01-01T00:00:00.000Z', component: 'a', stream: 'stdout', line: 'with "quotes"' },
      { time: '1970-01-01T00:00:00.000Z', component: 'a', state: 'running', message: 'running, pid 1' },
    ]);
  });

  it('makes writers wait while the stream is full, and resumes all of them together', async () => {
    const out = new Slow();
    const log = logLines(out, ['a'], plain);
    let waiting = 2;
    const done = [1, 2].map(async () => {
      await log.line(line);
      waiting--;
    });
    await Promise.resolve();
    expect([waiting, out.taken.length]).deep.equal([2, 1]);
    out.go();
    await Promise.resolve();
    expect([waiting, out.taken.length]).deep.equal([2, 2]);
    out.go();
    await Promise.all(done);
    let isWaiting = true; // another time it is full
    const again = Promise.resolve(log.line(line)).then(() => (isWaiting = false));
    await Promise.resolve();
    expect(isWaiting).equal(true);
    out.go();
    await again;
    expect(out.listenerCount('drain')).equal(0);
  });

  it('doesn’t wait if there is room', () => {
    expect(logLines(new Fast(), ['a'], plain).line(line)).equal(undefined);
  });
});

function logged(write: (log: pino.Logger) => void): string {
  let text = '';
  write(pino({ level: 'trace' }, { write: (line: string) => (text += logText(line)) }));
  return text;
}

describe('logText', () => {
  it('is the time, the level, the message and the facts, on one line', () => {
    const text = logged((log) => log.info({ method: 'PUT', status: 202, of: ['a'] }, 'request'));
    expect(text).match(/^\d\d:\d\d:\d\d\.\d{3} info  request  method=PUT status=202 of=\["a"\]\n$/);
    const time = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    expect(logText(JSON.stringify({ level: 50, time, msg: 'm' }))).equal('03:04:05.006 error m\n');
  });

  it('has no other line and no control code of a client’s making', () => {
    const path = '/v1/\u001b[2J\u009bX\n00:00:00.000 error';
    const text = logged((log) => log.info({ path, name: 'two words', odd: '\u001b[2J' }, 'request'));
    expect(text).match(/^[^\p{Cc}]+\n$/u);
    expect(text).contain(
      'path="/v1/\\u001b[2J\\u009bX\\n00:00:00.000 error" name="two words" odd=\\u001b[2J',
    );
  });

  it('has the stack of an error below it, with its cause', () => {
    const error = new Error('it broke', { cause: new Error('the disk') });
    const [first, ...more] = logged((log) => log.error({ err: error, session: 'digits' }, 'failed')).split(
      '\n',
    );
    expect(first).match(/ error failed  session=digits$/);
    expect(more.join('\n'))
      .match(/^Error: it broke/)
      .and.contain('at ')
      .and.contain('the disk');
  });
});
