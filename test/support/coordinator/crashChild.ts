/**
 * A process that makes a run on disk and is killed by SIGKILL before its k-th operation on files.
 *
 *   node crashChild.js FOLDER K [JSON]     K = 0: lives to the end, and says how many operations there were
 *
 * JSON: the evaluations that lives before had acknowledged. Each acknowledged update and evaluation is a line of JSON, written before anything else can happen.
 */
import { writeSync } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Files } from '../../../src/files/files.js';
import { type Evaluated, finishRun, openRun } from './crashRun.js';

const [folder, last, acknowledged = '[]'] = process.argv.slice(2);
let operations = 0;

function count(): void {
  operations++;
  if (operations === Number(last)) process.kill(process.pid, 'SIGKILL');
}

/** The same object, each of whose methods counts. */
function counting<T extends object>(target: T): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown => {
        count();
        const result: unknown = Reflect.apply(value, target, given);
        return name === 'open' ? (result as Promise<FileHandle>).then(counting) : result;
      };
    },
  });
}

const say = (line: unknown) => writeSync(1, `${JSON.stringify(line)}\n`);

const stage = await openRun(folder!, counting<Files>(nodeFiles));
await finishRun(stage, say, JSON.parse(acknowledged) as Evaluated[]);
await stage.coordinator.close();
say({ operations });
