import { expect } from 'chai';
import { z } from 'zod';
import { parse } from '../src/schema.js';
import { expectRefusal } from './support/refusal.js';

const schema = z.strictObject({
  f: z.int().min(0),
  mode: z
    .union(
      [z.literal('plain'), z.strictObject({ deep: z.strictObject({ size: z.int() }) })],
      "must be 'plain' or deep",
    )
    .default('plain'),
  list: z.array(z.strictObject({ x: z.number() })).default([]),
});

const refusal = (given: unknown, code: 'INVALID_PARAMETER' | 'UNKNOWN_PARAMETER') =>
  expectRefusal(() => parse('thing', schema, given), code);

describe('parse', () => {
  it('fills in defaults', () => {
    expect(parse('thing', schema, { f: 1 })).deep.equal({ f: 1, mode: 'plain', list: [] });
  });

  it('refuses a wrong value, saying whose and where', async () => {
    for (const [given, parameter] of [
      [{}, 'f'],
      [{ f: -1 }, 'f'],
      [{ f: 1, list: [{ x: 1 }, { x: '1' }] }, 'list.1.x'],
      [{ f: 1, mode: { deep: { size: 1.5 } } }, 'mode.deep.size'],
      [{ f: 1, mode: { deep: 3 } }, 'mode.deep'],
      [{ f: 1, mode: 'deep' }, 'mode'],
      [{ f: 1, mode: null }, 'mode'],
      [3, ''],
      [null, ''],
      [undefined, ''],
      [[], ''],
    ] as const) {
      const { details, message } = await refusal(given, 'INVALID_PARAMETER');
      expect(details, JSON.stringify(given)).deep.equal({ owner: 'thing', parameter });
      expect(message).match(parameter === '' ? /^thing: / : new RegExp(`^thing: ${parameter}: `));
    }
    expect((await refusal({ f: 1, mode: 'deep' }, 'INVALID_PARAMETER')).message).include(
      "must be 'plain' or deep",
    );
  });

  it('refuses an unknown name before all else, wherever it is', async () => {
    const top = await refusal({ F: 1, list: 3 }, 'UNKNOWN_PARAMETER');
    expect(top.details).deep.equal({
      owner: 'thing',
      parameter: 'F',
      unknown: ['F'],
      known: ['f', 'mode', 'list'],
    });
    expect(top.message).include('it takes f, mode, list');
    for (const [given, name] of [
      [{ list: [{ x: 1, y: 2 }] }, 'list.0.y'],
      [{ mode: { deep: { size: 1, sice: 2 } } }, 'mode.deep.sice'],
      [{ mode: { deep: { size: 1 }, deeper: 1 } }, 'mode.deeper'],
      [JSON.parse('{"f":1,"__proto__":1}'), '__proto__'],
    ] as const) {
      const { details } = await refusal(given, 'UNKNOWN_PARAMETER');
      expect(details.unknown).deep.equal([name]);
    }
  });
});
