import { expect } from 'chai';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js';
import '../../src/index.js';
import { normalRows } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';
import { float32Bytes, safetensorsFile } from '../support/safetensorsFile.js';

const wrong = (value: unknown): never => value as never;

/** Byte by byte from the format's description, as Python's library writes it; values by IEEE 754. */
const golden = Buffer.concat([
  Buffer.from([0x98, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from(
    '{"__metadata__":{"format":"pt"},"bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"weight":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}   ',
  ),
  Buffer.from('0000803f000000c00000003f', 'hex'),
]);

describe('writeSafetensors', () => {
  it('writes the header, then the values in the order given', () => {
    const file = Buffer.from(
      writeSafetensors(
        [
          { name: 'bias', shape: [1], values: Float32Array.of(1) },
          { name: 'weight', shape: [1, 2], values: Float32Array.of(-2, 0.5) },
        ],
        { format: 'pt' },
      ),
    );
    expect(file.toString('hex')).equal(golden.toString('hex'));
  });

  it('takes views', async () => {
    const [all] = normalRows(1, 10, 1);
    const file = writeSafetensors([{ name: 'a', shape: [2, 2], values: all!.subarray(3, 7) }]);
    expect([...(await readSafetensors(file)).tensors[0]!.values]).deep.equal([...all!.subarray(3, 7)]);
  });

  it('refuses what does not fit its shape, or is not float32', async () => {
    const write = (values: unknown) => () =>
      writeSafetensors([{ name: 'a', shape: [2, 2], values: wrong(values) }]);
    await expectRefusal(write(new Float32Array(3)), 'BAD_SHAPE');
    await expectRefusal(write(new Float32Array(5)), 'BAD_SHAPE');
    await expectRefusal(write(new Float64Array(4)), 'BAD_TYPE');
    await expectRefusal(write([1, 2, 3, 4]), 'BAD_TYPE');
  });
});

describe('readSafetensors', () => {
  it('reads a file that was written by hand', async () => {
    const { tensors, metadata } = await readSafetensors(golden);
    expect(metadata).deep.equal({ format: 'pt' });
    expect(tensors).deep.equal([
      { name: 'bias', shape: [1], values: Float32Array.of(1) },
      { name: 'weight', shape: [1, 2], values: Float32Array.of(-2, 0.5) },
    ]);
  });

  it('gives back what was written, whatever the alignment', async () => {
    const shapes = [[3, 7], [], [0, 4], [20_001]];
    const written = shapes.map((shape, k) => ({
      name: `layer.${k}`,
      shape,
      values: normalRows(1, 20_001, k)[0]!.subarray(
        0,
        shape.reduce((product, extent) => product * extent, 1),
      ),
    }));
    const file = writeSafetensors(written, { round: '3' });
    for (let shift = 0; shift < 4; shift++) {
      const moved = new Uint8Array(file.length + shift).subarray(shift);
      moved.set(file);
      const { tensors, metadata } = await readSafetensors(moved);
      expect(metadata).deep.equal({ round: '3' });
      const sorted = written.map(({ name, shape, values }) => ({ name, shape, values: [...values] }));
      expect(tensors.map(({ name, shape, values }) => ({ name, shape, values: [...values] }))).deep.equal(
        sorted,
      );
    }
  });

  it('reads F16 and BF16 as float32', async () => {
    const data = new Uint8Array([0x00, 0x3c, 0x01, 0x00, 0xc0, 0xbf, ...float32Bytes(0.1)]);
    const header = {
      half: { dtype: 'F16', shape: [2], data_offsets: [0, 4] },
      brain: { dtype: 'BF16', shape: [1], data_offsets: [4, 6] },
      full: { dtype: 'F32', shape: [1], data_offsets: [6, 10] },
    };
    const { tensors } = await readSafetensors(safetensorsFile({ header, data }));
    expect(tensors.map(({ name, values }) => [name, ...values])).deep.equal([
      ['half', 1, 2 ** -24],
      ['brain', -1.5],
      ['full', Math.fround(0.1)],
    ]);
  });

  it('refuses a file that is shorter or longer than its header says', async () => {
    const file = writeSafetensors([{ name: 'a', shape: [2], values: Float32Array.of(1, 2) }]);
    await expectRefusal(() => readSafetensors(file.subarray(0, -1)), 'MALFORMED');
    await expectRefusal(() => readSafetensors(new Uint8Array([...file, 0])), 'MALFORMED');
  });

  it('refuses a size that is only announced, without making room for it', async () => {
    const header = { a: { dtype: 'F32', shape: [2 ** 50], data_offsets: [0, 2 ** 52] } };
    await expectRefusal(() => readSafetensors(safetensorsFile({ header })), 'MALFORMED');
  });

  it('hands on NaN and infinities', async () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const file = writeSafetensors([
        { name: 'a', shape: [3], values: new Float32Array(3) },
        { name: 'b', shape: [2], values: Float32Array.of(0, value) },
      ]);
      const { tensors } = await readSafetensors(file);
      expect([...tensors[1]!.values]).deep.equal([0, value]);
    }
  });
});
