import { expect } from 'chai';
import { pino } from 'pino';
import { logText } from '../../../src/cli/terminal/logText.js';

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
