import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { load } from 'npyjs';
import { QuorateError } from '../../src/errors.js';
import { npyRows, readNpy, writeNpy } from '../../src/formats/npy.js';
import '../../src/index.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';

const wrong = (value: unknown): never => value as never;

interface Parts {
  readonly literal: string;
  readonly data?: Uint8Array;
  readonly version?: readonly [number, number];
  readonly length?: number;
  readonly magic?: string;
}

/** A file made by hand. */
function npyFile({
  literal,
  data = new Uint8Array(0),
  version = [1, 0],
  length,
  magic = '\x93NUMPY',
}: Parts) {
  const header = Buffer.from(literal, 'latin1');
  const size = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) size.writeUInt16LE(length ?? header.length);
  else size.writeUInt32LE(length ?? header.length);
  return new Uint8Array(
    Buffer.concat([Buffer.from(magic, 'latin1'), Buffer.from(version), size, header, data]),
  );
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe('readNpy', () => {
  it('reads a file as numpy.save writes it, in versions 1 to 3', async () => {
    for (const version of [
      [1, 0],
      [2, 0],
      [3, 0],
    ] as const) {
      const literal = `${header('<f4', '(2, 3)').padEnd(117)}\n`;
      const file = npyFile({ literal, data: floats(1, 2, 3, 4, 5, 6), version });
      expect(await readNpy(file)).deep.equal({ shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) });
    }
  });

  it('reads float16 and rounds float64, from any address', async () => {
    const half = npyFile({ literal: header('<f2', '(2,)'), data: Uint8Array.of(0, 0x3c, 1, 0) });
    const double = npyFile({
      literal: header('<f8', '(3,)'),
      data: new Uint8Array(Float64Array.of(0.1, -1e-50, 3.4e38).buffer),
    });
    for (let shift = 0; shift < 8; shift++) {
      const moved = (file: Uint8Array) => {
        const bytes = new Uint8Array(file.length + shift).subarray(shift);
        bytes.set(file);
        return bytes;
      };
      expect([...(await readNpy(moved(half))).values]).deep.equal([1, 2 ** -24]);
      expect([...(await readNpy(moved(double))).values]).deep.equal([0.1, -1e-50, 3.4e38].map(Math.fround));
    }
  });

  it('reads members in any order and spacing', async () => {
    const literals = [
      "{'shape':(1,2),'fortran_order':False,'descr':'<f4'}",
      "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 1 , 2 , ) , }   \n",
    ];
    for (const literal of literals) {
      expect((await readNpy(npyFile({ literal, data: floats(1, 2) }))).shape).deep.equal([1, 2]);
    }
    const scalar = npyFile({ literal: header('<f4', '()'), data: floats(7) });
    expect(await readNpy(scalar)).deep.equal({ shape: [], values: Float32Array.of(7) });
    const line = npyFile({ literal: header('<f4', '(2,)', 'True'), data: floats(1, 2) });
    expect((await readNpy(line)).values.length).equal(2);
  });

  it('refuses other types, byte orders and arrays in Fortran’s order', async () => {
    for (const descr of ['>f4', '<i4', '=i4', '|f4', '|u1', '|O', '<c8', '', '__proto__']) {
      await expectRefusal(
        () => readNpy(npyFile({ literal: header(descr, '(1,)'), data: floats(1) })),
        'BAD_TYPE',
      );
    }
    const columns = npyFile({ literal: header('<f4', '(1, 2)', 'True'), data: floats(1, 2) });
    await expectRefusal(() => readNpy(columns), 'BAD_TYPE');
  });

  const refused: Readonly<Record<string, Parts>> = {
    'another beginning': { literal: header('<f4', '()'), magic: '\x93NUMPX' },
    'version 0': { literal: header('<f4', '()'), version: [0, 0] },
    'version 4': { literal: header('<f4', '()'), version: [4, 0] },
    'version 1.1': { literal: header('<f4', '()'), version: [1, 1] },
    'a header beyond the file': { literal: header('<f4', '(0,)'), length: 1000 },
    'a header longer than NumPy takes': { literal: header('<f4', '(0,)').padEnd(10_001) },
    'a header of 4 GiB': { literal: header('<f4', '(0,)'), version: [2, 0], length: 0xffff_ffff },
    'a header that is cut off': { literal: header('<f4', '(0,)'), length: 20 },
    'no header': { literal: '' },
    'no dictionary': { literal: '[]' },
    'no shape': { literal: "{'descr': '<f4', 'fortran_order': False}" },
    'a member too many': { literal: "{'descr': '<f4', 'fortran_order': False, 'shape': (0,), 'x': 1}" },
    'a member twice': { literal: "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (0,)}" },
    'a shape that is a number': { literal: header('<f4', '(1)') },
    'a shape that is a list': { literal: header('<f4', '[0]') },
    'a negative extent': { literal: header('<f4', '(-1,)') },
    'half an extent': { literal: header('<f4', '(0.5,)') },
    'a comma without extent': { literal: header('<f4', '(,)') },
    'an order that is a number': { literal: header('<f4', '(0,)', '0') },
    'a type that is a flag': { literal: "{'descr': True, 'fortran_order': False, 'shape': (0,)}" },
    'a type that is a list': { literal: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,)}" },
    'text after the dictionary': { literal: `${header('<f4', '(0,)')} x` },
    'too little data': { literal: header('<f4', '(2,)'), data: floats(1) },
    'too much data': { literal: header('<f4', '(1,)'), data: floats(1, 2) },
    'a size that is only announced': { literal: header('<f4', '(1000000000, 1000000)') },
  };
  for (const [what, parts] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      await expectRefusal(() => readNpy(npyFile(parts)), 'MALFORMED');
    });
  }

  it('refuses more than 2^53 values', async () => {
    await expectRefusal(
      () => readNpy(npyFile({ literal: header('<f4', '(99999999999, 99999999999)') })),
      'BAD_SHAPE',
    );
    await expectRefusal(
      () => readNpy(npyFile({ literal: header('<f4', `(${'9'.repeat(400)},)`) })),
      'BAD_SHAPE',
    );
  });

  it('hands on NaN, infinities, and doubles beyond float32, for `aggregate` to decide', async () => {
    for (const value of [NaN, Infinity, -Infinity, 1e39]) {
      for (const [descr, data] of [
        ['<f4', floats(0, value)],
        ['<f8', new Uint8Array(Float64Array.of(0, value).buffer)],
      ] as const) {
        const { values } = await readNpy(npyFile({ literal: header(descr, '(2,)'), data }));
        expect([...values]).deep.equal([0, Math.fround(value)]);
      }
    }
    const half = npyFile({ literal: header('<f2', '(3,)'), data: Uint8Array.of(0, 0x7c, 0, 0x7e, 0, 0x3c) });
    expect([...(await readNpy(half)).values]).deep.equal([Infinity, NaN, 1]);
  });

  const dialects = JSON.parse(readFileSync('test/fixtures/npyDialects.json', 'utf8')) as readonly {
    name: string;
    base64: string;
    shape: number[];
    values: number[];
  }[];
  for (const { name, base64, shape, values } of dialects) {
    it(`reads what NumPy reads: ${name}`, async () => {
      const array = await readNpy(Uint8Array.from(Buffer.from(base64, 'base64')));
      expect(array.shape).deep.equal(shape);
      expect([...array.values]).deep.equal(values);
    });
  }

  it('reads or refuses any bytes, and never fails otherwise', async () => {
    const good = npyFile({ literal: header('<f4', '(1, 2)'), data: floats(1, 2) });
    const changed = fc
      .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 3 }), fc.nat(good.length))
      .map(([changes, keep]) => {
        const bytes = good.slice();
        for (const [place, byte] of changes) bytes[place] = byte;
        return keep < good.length / 4 ? bytes.subarray(0, keep) : bytes;
      });
    const pieces = fc.constantFrom(
      ...[
        "'descr'",
        "'shape'",
        "'fortran_order'",
        ':',
        ',',
        '(',
        ')',
        '{',
        '}',
        'True',
        "'<f4'",
        '1',
        ' ',
        "'",
      ],
    );
    const written = fc.array(pieces).map((some) => npyFile({ literal: `{${some.join('')}` }));
    const property = fc.asyncProperty(fc.oneof(changed, written, fc.uint8Array()), async (bytes) => {
      try {
        const { shape, values } = await readNpy(bytes);
        expect(shape.reduce((product, extent) => product * extent, 1)).equal(values.length);
      } catch (error) {
        if (!(error instanceof QuorateError)) throw error;
        expect(error.code).oneOf(['MALFORMED', 'BAD_TYPE', 'BAD_SHAPE', 'NON_FINITE']);
      }
    });
    await fc.assert(property, { seed: 20_260_101, numRuns: 5000 });
  });
});

describe('writeNpy', () => {
  it('writes what numpy.save would', () => {
    const file = Buffer.from(writeNpy({ shape: [2], values: Float32Array.of(1, -2) }));
    const literal = `${header('<f4', '(2,)').padEnd(117)}\n`;
    expect(file.toString('hex')).equal(
      Buffer.from(npyFile({ literal, data: floats(1, -2) })).toString('hex'),
    );
  });

  it('is read back, here and by npyjs', async () => {
    for (const shape of [[], [7], [3, 4], [2, 0, 3], [2, 3, 1, 2], new Array<number>(40).fill(1)]) {
      const count = shape.reduce((product, extent) => product * extent, 1);
      const values = normalRows(1, 12, count)[0]!.subarray(0, count);
      const file = writeNpy({ shape, values });
      expect(file.length % 64).equal((count * 4) % 64);
      const read = await readNpy(file);
      expect([read.shape, [...read.values]]).deep.equal([shape, [...values]]);
      const other = await load(new Uint8Array(file).buffer);
      expect([other.shape, other.dtype, [...(other.data as Float32Array)]]).deep.equal([
        shape,
        'f4',
        [...values],
      ]);
    }
  });

  it('refuses what does not fit its shape, or is not float32', async () => {
    await expectRefusal(() => writeNpy({ shape: [3], values: new Float32Array(2) }), 'BAD_SHAPE');
    await expectRefusal(() => writeNpy({ shape: [-1], values: new Float32Array(2) }), 'BAD_SHAPE');
    await expectRefusal(() => writeNpy({ shape: [2], values: wrong([1, 2]) }), 'BAD_TYPE');
    const many = new Array<number>(4000).fill(1);
    await expectRefusal(() => writeNpy({ shape: many, values: new Float32Array(1) }), 'BAD_SHAPE');
  });
});

describe('npyRows', () => {
  it('gives the rows of two dimensions, and one row of one', () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(npyRows({ shape: [2, 3], values })).deep.equal([values.subarray(0, 3), values.subarray(3)]);
    expect(npyRows({ shape: [6], values })).deep.equal([values]);
    expect(npyRows({ shape: [0, 3], values: new Float32Array(0) })).deep.equal([]);
  });

  it('refuses other shapes', async () => {
    for (const shape of [[], [1, 2, 3], [1_000_000_000, 0]]) {
      await expectRefusal(() => npyRows({ shape, values: new Float32Array(0) }), 'BAD_SHAPE');
    }
  });
});
