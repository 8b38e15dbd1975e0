import { expect } from 'chai';
import fc from 'fast-check';
import { QuorateError } from '../../src/errors.js';
import {
  headerLength,
  readSafetensorsHeader,
  safetensorsHeader,
} from '../../src/formats/safetensorsHeader.js';
import '../../src/index.js';
import { expectRefusal } from '../support/refusal.js';
import { safetensorsFile } from '../support/safetensorsFile.js';

const wrong = (value: unknown): never => value as never;

const read = (header: unknown, length?: bigint) =>
  readSafetensorsHeader(safetensorsFile(length === undefined ? { header } : { header, length }));

const entry = (shape: unknown, start: unknown, end: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

describe('safetensorsHeader', () => {
  it('is the length, JSON, and spaces up to a multiple of 8 bytes', () => {
    const json =
      '{"__metadata__":{"round":"7"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},' +
      '"b \\"é\\"":{"dtype":"F32","shape":[],"data_offsets":[24,28]},"none":{"dtype":"F32","shape":[0,5],"data_offsets":[28,28]}}';
    const bytes = Buffer.from(
      safetensorsHeader(
        [
          { name: 'w', shape: [2, 3] },
          { name: 'b "é"', shape: [] },
          { name: 'none', shape: [0, 5] },
        ],
        { round: '7' },
      ),
    );
    expect(bytes.length % 8).equal(0);
    expect(bytes.readBigUInt64LE()).equal(BigInt(bytes.length - 8));
    const text = bytes.subarray(8).toString();
    expect(text.trimEnd()).equal(json);
    expect(text.length - json.length).below(8);
  });

  it('refuses two tensors of one name, the name of the metadata, impossible shapes, other metadata', async () => {
    const one = { name: 'w', shape: [1] };
    await expectRefusal(() => safetensorsHeader([one, one]), 'INVALID_PARAMETER');
    await expectRefusal(() => safetensorsHeader([{ ...one, name: '__metadata__' }]), 'INVALID_PARAMETER');
    await expectRefusal(() => safetensorsHeader([one], wrong({ a: 1 })), 'INVALID_PARAMETER');
    for (const shape of [[-1], [1.5], [NaN], [2 ** 30, 2 ** 30], [2 ** 53]]) {
      await expectRefusal(() => safetensorsHeader([{ name: 'w', shape }]), 'BAD_SHAPE');
    }
  });

  it('is read back as it was written', () => {
    const extents = fc.array(fc.nat(6), { maxLength: 4 });
    const tensors = fc.uniqueArray(fc.record({ name: fc.string({ unit: 'binary' }), shape: extents }), {
      selector: ({ name }) => name,
    });
    const metadata = fc.dictionary(fc.string(), fc.string());
    fc.assert(
      fc.property(tensors, metadata, (written, strings) => {
        const bytes = safetensorsHeader(written, strings);
        const header = readSafetensorsHeader(bytes);
        const byOffset = (shape: number[]) => shape.includes(0);
        // Tensors without values have no order of their own.
        const whole = written.filter(({ shape }) => !byOffset(shape));
        expect(
          header.tensors.filter(({ values }) => values > 0).map(({ name, shape }) => ({ name, shape })),
        ).deep.equal(whole);
        expect(header.tensors.length).equal(written.length);
        expect(Object.entries(header.metadata)).deep.equal(Object.entries(strings));
        expect(header.dataOffset).equal(bytes.length);
        expect(header.dataBytes).equal(header.tensors.reduce((sum, { values }) => sum + values * 4, 0));
      }),
      { seed: 20_260_101, numRuns: 500 },
    );
  });
});

describe('readSafetensorsHeader', () => {
  it('gives tensors in the order of their data, whatever the order of their names', () => {
    const { tensors, metadata, dataBytes } = read({
      z: entry([3], 10, 22),
      __metadata__: { format: 'pt', __proto__: 'no' },
      a: entry([2, 2], 2, 10, 'F16'),
      empty: entry([0], 22, 22),
      m: entry([], 0, 2, 'BF16'),
    });
    expect(tensors.map(({ name, format, values }) => [name, format.kind, values])).deep.equal([
      ['m', 'bf16', 1],
      ['a', 'f16', 4],
      ['z', 'f32', 3],
      ['empty', 'f32', 0],
    ]);
    expect(metadata).deep.equal({ format: 'pt' });
    expect(dataBytes).equal(22);
  });

  it('takes a tensor without values at the place of another, whichever is named first', () => {
    const { tensors } = read({ a: entry([1], 0, 4), empty: entry([0], 0, 0) });
    expect(tensors.map(({ name }) => name)).deep.equal(['empty', 'a']);
  });

  it('takes a header without tensors, and spaces after the JSON', () => {
    expect(read('{}').tensors).deep.equal([]);
    expect(read('{ }  \n ').dataBytes).equal(0);
  });

  it('takes names of the prototype as names', () => {
    const { tensors } = read(
      '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"constructor":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    );
    expect(tensors.map(({ name }) => name)).deep.equal(['__proto__', 'constructor']);
    expect(Object.prototype).not.have.property('dtype');
  });

  const malformed: Readonly<Record<string, unknown>> = {
    'no JSON': 'not JSON',
    'JSON that does not begin at once': ' {}',
    'a JSON array': '[]',
    'JSON that is cut off': '{"a":',
    'two texts': '{}{}',
    'a tensor that is null': { a: null },
    'a tensor that is a list': { a: [] },
    'a tensor without dtype': { a: { shape: [1], data_offsets: [0, 4] } },
    'a tensor with something else': { a: { ...entry([1], 0, 4), strides: [1] } },
    'something else instead of a shape': { a: { dtype: 'F32', strides: [1], data_offsets: [0, 4] } },
    'a prototype instead of a shape': '{"a":{"dtype":"F32","data_offsets":[0,4],"__proto__":{"shape":[1]}}}',
    'a dtype that is no string': { a: entry([1], 0, 4, 5) },
    'a shape that is no list': { a: entry(1, 0, 4) },
    'a negative extent': { a: entry([-1, -1], 0, 4) },
    'half an extent': { a: entry([0.5, 2], 0, 4) },
    'an extent as a string': { a: entry(['1'], 0, 4) },
    'offsets that are one': { a: { dtype: 'F32', shape: [1], data_offsets: [4] } },
    'offsets that are three': { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 4] } },
    'a negative offset': { a: entry([1], -4, 0) },
    'offsets beyond 2^53':
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[9007199254740993,9007199254740993]}}',
    'offsets that run backwards': { a: entry([1], 4, 0) },
    'fewer bytes than the shape needs': { a: entry([2], 0, 4) },
    'more bytes than the shape needs': { a: entry([1], 0, 8) },
    'bytes of another type': { a: entry([1], 0, 4, 'F16') },
    'a gap at the beginning': { a: entry([1], 4, 8) },
    'a gap between tensors': { a: entry([1], 0, 4), b: entry([1], 8, 12) },
    'tensors that overlap': { a: entry([2], 0, 8), b: entry([2], 4, 12) },
    'one place for two tensors': { a: entry([1], 0, 4), b: entry([1], 0, 4) },
    'an empty tensor behind the data': { a: entry([1], 0, 4), b: entry([0], 8, 8) },
    'a name twice':
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    'a name twice, written in two ways':
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    'a dtype twice': '{"a":{"dtype":"F16","dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    'metadata that are a list': { __metadata__: [] },
    'metadata that are no strings': { __metadata__: { a: 1 } },
    'metadata twice': '{"__metadata__":{},"__metadata__":{}}',
  };
  for (const [what, header] of Object.entries(malformed)) {
    it(`refuses ${what}`, async () => {
      await expectRefusal(() => read(header), 'MALFORMED');
    });
  }

  it('refuses other types, naming the tensor', async () => {
    for (const dtype of ['F64', 'I64', 'BOOL', 'U8', 'f32', '', 'toString', '__proto__', 'F8_E4M3']) {
      const { details, message } = await expectRefusal(
        () => read({ w: entry([1], 0, 4, dtype) }),
        'BAD_TYPE',
      );
      expect(details.tensor).equal('w');
      expect(message).include("'w'");
    }
  });

  it('refuses shapes beyond 2^53 values', async () => {
    await expectRefusal(() => read({ a: entry([2 ** 30, 2 ** 30, 0], 0, 0) }), 'BAD_SHAPE');
    await expectRefusal(() => read({ a: entry([2 ** 32, 2 ** 32], 0, 0) }), 'BAD_SHAPE');
  });

  it('refuses lengths that are not the header’s, without making room for them', async () => {
    for (const length of [0n, 1n, 3n, 100n, 100_000_001n, 2n ** 32n + 2n, 2n ** 63n, 2n ** 64n - 1n]) {
      await expectRefusal(() => read('{}', length), 'MALFORMED');
      if (length !== 3n && length !== 100n) {
        await expectRefusal(() => headerLength(safetensorsFile({ header: '{}', length })), 'MALFORMED');
      }
    }
    for (let size = 0; size < 10; size++) {
      await expectRefusal(
        () => readSafetensorsHeader(safetensorsFile({ header: '{}' }).subarray(0, size)),
        'MALFORMED',
      );
    }
    expect(headerLength(safetensorsFile({ header: '{}', length: 100_000_000n }))).equal(100_000_000);
    await expectRefusal(() => headerLength(safetensorsFile({ header: '{}', length: 100n }), 99), 'MALFORMED');
  });

  it('refuses what is not UTF-8', async () => {
    const bytes = safetensorsFile({ header: '{"__metadata__":{"a":"é"}}' });
    bytes[bytes.length - 4] = 0xff;
    await expectRefusal(() => readSafetensorsHeader(bytes), 'MALFORMED');
  });

  it('reads or refuses any bytes, and never fails otherwise', () => {
    const number = fc.oneof(fc.nat(40), fc.constantFrom(-1, 0.5, 1e300, null, '4'));
    const tensor = fc.record(
      {
        dtype: fc.constantFrom('F32', 'F16', 'BF16', 'I8', 4),
        shape: fc.oneof(fc.array(number, { maxLength: 3 }), number),
        data_offsets: fc.oneof(fc.array(number, { maxLength: 3 }), number),
      },
      { requiredKeys: [] },
    );
    const header = fc.oneof(fc.dictionary(fc.string(), fc.oneof(tensor, fc.json())), fc.json());
    const file = fc
      .tuple(header, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }), fc.nat(300))
      .map(([json, changes, cut]) => {
        const bytes = safetensorsFile({ header: json });
        for (const [place, byte] of changes) if (place < bytes.length) bytes[place] = byte;
        return bytes.subarray(0, Math.max(bytes.length - Math.max(0, cut - 200), 0));
      });
    fc.assert(
      fc.property(fc.oneof(file, fc.uint8Array()), (bytes) => {
        try {
          const { tensors, dataBytes } = readSafetensorsHeader(bytes);
          expect(tensors.reduce((sum, { start, end }) => sum + end - start, 0)).equal(dataBytes);
        } catch (error) {
          if (!(error instanceof QuorateError)) throw error;
          expect(error.code).oneOf(['MALFORMED', 'BAD_TYPE', 'BAD_SHAPE']);
        }
      }),
      { seed: 20_260_101, numRuns: 5000 },
    );
  });
});
