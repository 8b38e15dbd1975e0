/** The file system with a test in between: it sees each call of the disk store's, may hold it up or let it fail. */
import * as nodeFiles from 'node:fs/promises';
import type { Files } from '../../src/files/files.js';

export interface Call {
  readonly name: string;
  /** Of the file that it is about. */
  readonly path: string;
}

/** @param before called before each call; what it throws, the call throws */
export function watchedFiles(before: (call: Call) => void | Promise<void>): Files {
  const watch = <T extends object>(target: T, path?: string): T =>
    new Proxy(target, {
      get(object, name) {
        const value: unknown = Reflect.get(object, name, object);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          const own = path ?? String(given[0]);
          await before({ name: String(name), path: own });
          const result: unknown = await Reflect.apply(value, object, given);
          return name === 'open' ? watch(result as object, own) : result;
        };
      },
    });
  return watch({ ...nodeFiles });
}

export const systemError = (code: string): Error => Object.assign(new Error(`${code}: made up`), { code });
