import { expect } from 'chai';
import { decodeRecords, encodeRecord } from '../../../src/store/disk/recordFraming.js';

const values = [{ a: 1 }, { text: 'überall' }, [1, 2, 3]];
const bytes = Buffer.concat(values.map(encodeRecord));
const ends = values.map((_, i) => Buffer.concat(values.slice(0, i + 1).map(encodeRecord)).length);

describe('decodeRecords', () => {
  it('gives back what was encoded', () => {
    expect(decodeRecords(bytes)).deep.equal({ values, end: bytes.length, rest: 'nothing' });
  });

  it('detects a torn record wherever it was torn', () => {
    for (let length = 0; length < bytes.length; length++) {
      const whole = ends.filter((end) => end <= length);
      expect(decodeRecords(bytes.subarray(0, length)), String(length)).deep.equal({
        values: values.slice(0, whole.length),
        end: whole.at(-1) ?? 0,
        rest: length === (whole.at(-1) ?? 0) ? 'nothing' : 'torn',
      });
    }
  });

  it('detects a flipped bit anywhere, and whether an intact record follows', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const at = ends.findIndex((end) => bit >> 3 < end);
      expect(decodeRecords(flipped), `bit ${bit}`).deep.equal({
        values: values.slice(0, at),
        end: ends[at - 1] ?? 0,
        rest: at === values.length - 1 ? 'damaged' : 'damaged-inside',
      });
    }
  });
});
