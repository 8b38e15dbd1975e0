/** What came back on a connection, read strictly: nothing may stand between answers, and each refusal says why. */
import { expect } from 'chai';
import { PROBLEM_TYPE, problemSchema } from '../../src/server/http/problemDocument.js';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * @param text latin1, as it came
 * @param methods of the requests in order; GET where there are more answers
 */
export function readAnswers(text: string, methods: readonly string[] = []): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest !== '') {
    const head = /^HTTP\/1\.1 (\d{3}) [A-Za-z' -]*\r\n((?:[!-9;-~]+: [^\r\n]*\r\n)*)\r\n/.exec(rest);
    if (!head) throw new Error(`no answer begins here: ${JSON.stringify(rest.slice(0, 200))}`);
    const status = Number(head[1]);
    const lines = head[2]!.split('\r\n').slice(0, -1);
    const headers = new Map(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    rest = rest.slice(head[0].length);
    if (status === 100) continue;
    if (status === 101) return [...answers, { status, headers, body: rest }];
    const hasBody = methods[answers.length] !== 'HEAD' && status !== 204 && status !== 304;
    const [body, left] = hasBody ? takeBody(headers, rest) : ['', rest];
    answers.push({ status, headers, body });
    rest = left;
  }
  return answers;
}

function takeBody(headers: ReadonlyMap<string, string>, rest: string): [body: string, rest: string] {
  if (headers.get('transfer-encoding') !== 'chunked') {
    const length = Number(headers.get('content-length') ?? NaN);
    if (!(rest.length >= length))
      throw new Error(`a body of ${length} bytes broke off: ${rest.slice(0, 200)}`);
    return [rest.slice(0, length), rest.slice(length)];
  }
  let body = '';
  for (let left = rest; ;) {
    const chunk = /^([0-9a-f]+)\r\n/i.exec(left);
    if (!chunk) throw new Error(`no chunk begins here: ${left.slice(0, 200)}`);
    const length = parseInt(chunk[1]!, 16);
    const start = chunk[0].length;
    body += left.slice(start, start + length);
    left = left.slice(start + length + 2);
    if (length === 0) return [body, left];
  }
}

/** 503 and 507 are the only faults that are answers; whatever is refused is refused with a problem document. */
export function expectSound(answers: readonly RawAnswer[], what: string): void {
  for (const { status, headers, body } of answers) {
    expect(status, what).satisfy((one: number) => one < 500 || one === 503 || one === 507);
    if (status < 400) continue;
    expect(headers.get('content-type'), `${what} → ${status} ${body}`).equal(PROBLEM_TYPE);
    if (body === '') continue; // of HEAD
    const problem = problemSchema.parse(JSON.parse(Buffer.from(body, 'latin1').toString()));
    expect(problem.status, what).equal(status);
  }
}
