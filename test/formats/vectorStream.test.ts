import { expect } from 'chai';
import fc from 'fast-check';
import { decode } from '../../src/core/codec.js';
import { QuorateError } from '../../src/errors.js';
import { writeSafetensors } from '../../src/formats/safetensors.js';
import type { FlatFormat, UpdateFormat } from '../../src/formats/decoder.js';
import { type Expected, vectorStream } from '../../src/formats/vectorStream.js';
import { createEngine } from '../../src/index.js';
import { normalRows, random } from '../support/random.js';
import { expectRefusal } from '../support/refusal.js';
import { float32Bytes, safetensorsFile } from '../support/safetensorsFile.js';

const engine = createEngine({ threads: 1 });
const runs = { seed: 20_260_101, numRuns: 200 };

const flat = (d: number): Expected => ({ d, tensors: [{ name: 'model', shape: [d] }] });

/** Cuts into pieces of the lengths given, taken by turns. */
function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, k = 0; at < bytes.length; k++) {
    const length = lengths[k % lengths.length]!;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

interface Received {
  readonly bytes: Uint8Array;
  readonly calls: number;
}

/** Sends a body in pieces; each piece is overwritten when the stream is done with it. */
async function send(
  format: UpdateFormat,
  expected: Expected,
  body: Uint8Array,
  lengths: readonly number[] = [65_536],
  isSlow = false,
): Promise<Received> {
  const parts: Buffer[] = [];
  const stream = await vectorStream(format, expected, (bytes) => {
    if (!isSlow) {
      parts.push(Buffer.from(bytes));
      return;
    }
    return new Promise((resolve) =>
      setImmediate(() => {
        parts.push(Buffer.from(bytes));
        resolve();
      }),
    );
  });
  for (const piece of cut(body, lengths)) {
    const chunk = Buffer.from(piece); // as a socket gives it
    const pending = stream.write(chunk);
    if (!isSlow) expect(pending).equal(undefined);
    await pending;
    chunk.fill(0xff);
  }
  await stream.end();
  return { bytes: new Uint8Array(Buffer.concat(parts)), calls: parts.length };
}

const flatFormats: readonly FlatFormat[] = [
  { kind: 'f32' },
  { kind: 'f16' },
  { kind: 'bf16' },
  { kind: 'int8', scale: 0.0123 },
];
const sizes = { f32: 4, f16: 2, bf16: 2, int8: 1 };

/** d finite values of the format, arbitrary otherwise. */
function bodyOf({ kind }: FlatFormat, d: number, seed: number): Uint8Array {
  const { whole } = random(seed);
  const bytes = new Uint8Array(d * sizes[kind]).map(() => whole(0, 255));
  // The bit below the top of the exponent cleared: neither NaN nor infinite.
  if (kind !== 'int8') {
    for (let k = sizes[kind] - 1; k < bytes.length; k += sizes[kind]) bytes[k]! &= 0xbf;
  }
  return bytes;
}

async function decoded(format: FlatFormat, d: number, bytes: Uint8Array): Promise<Uint8Array> {
  const encoded =
    format.kind === 'int8'
      ? { encoding: format.kind, d, bytes, scale: format.scale }
      : { encoding: format.kind, d, bytes };
  return new Uint8Array((await decode(encoded, { engine })).buffer);
}

describe('vectorStream', () => {
  for (const format of flatFormats) {
    describe(`of ${format.kind}`, () => {
      it('hands on what decode gives, however the body is cut', async () => {
        const property = fc.asyncProperty(
          fc.integer({ min: 1, max: 300 }),
          fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 8 }),
          fc.nat(1e6),
          fc.boolean(),
          async (d, lengths, seed, isSlow) => {
            const body = bodyOf(format, d, seed);
            const { bytes } = await send(format, flat(d), body, lengths, isSlow);
            expect(Buffer.compare(bytes, await decoded(format, d, body))).equal(0);
          },
        );
        await fc.assert(property, runs);
      });

      it('takes chunks longer than its tiles, and misaligned ones', async () => {
        const d = 100_003;
        const body = bodyOf(format, d, 1);
        const wanted = await decoded(format, d, body);
        for (const lengths of [[body.length], [65_536], [65_537], [1, 131_073], [3, 65_536, 262_144]]) {
          for (const isSlow of [false, true]) {
            const { bytes } = await send(format, flat(d), body, lengths, isSlow);
            expect(Buffer.compare(bytes, wanted), lengths.join()).equal(0);
          }
        }
      });

      it('refuses one byte too many at once, and one too few at the end', async () => {
        const d = 40_000;
        const body = bodyOf(format, d, 2);
        const stream = await vectorStream(format, flat(d), () => undefined);
        await stream.write(body);
        const more = await expectRefusal(() => stream.write(Uint8Array.of(0)), 'BAD_SHAPE');
        expect(more.details).deep.equal({ expected: body.length, got: body.length + 1 });
        await expectRefusal(() => stream.end(), 'BAD_SHAPE');

        const less = await expectRefusal(() => send(format, flat(d), body.subarray(0, -1)), 'BAD_SHAPE');
        expect(less.details).deep.equal({ expected: body.length, got: body.length - 1 });
        await expectRefusal(() => send(format, flat(d), new Uint8Array(0)), 'BAD_SHAPE');
      });

      it('serves several bodies at a time', async () => {
        const d = 50_001;
        const bodies = [3, 4, 5].map((seed) => bodyOf(format, d, seed));
        const received = await Promise.all(bodies.map((body) => send(format, flat(d), body, [9999], true)));
        for (const [k, body] of bodies.entries()) {
          expect(Buffer.compare(received[k]!.bytes, await decoded(format, d, body))).equal(0);
        }
      });
    });
  }

  it('hands on float32 chunks themselves, each at once', async () => {
    const body = bodyOf({ kind: 'f32' }, 50_000, 6);
    const chunks = [...cut(body, [65_535, 3, 70_000])];
    const handed: Uint8Array[] = [];
    const stream = await vectorStream({ kind: 'f32' }, flat(50_000), (bytes) => void handed.push(bytes));
    for (const chunk of chunks) await stream.write(chunk);
    await stream.end();
    expect(handed.map(({ buffer, byteOffset, length }) => [buffer, byteOffset, length])).deep.equal(
      chunks.map(({ buffer, byteOffset, length }) => [buffer, byteOffset, length]),
    );
  });

  it('refuses values that are not finite, wherever they stand and however they are cut', async () => {
    const d = 40_000;
    for (const [kind, codes] of [
      ['f32', ['0000807f', '000080ff', '0100807f', '0000c07f', 'ffffffff']],
      ['f16', ['007c', '00fc', '017c', 'ffff']],
      ['bf16', ['807f', '80ff', '817f', 'c07f']],
    ] as const) {
      for (const code of codes) {
        for (const index of [0, 16_383, 16_384, d - 1]) {
          const body = bodyOf({ kind }, d, 7);
          body.set(Buffer.from(code, 'hex'), index * sizes[kind]);
          for (const lengths of [[65_536], [31_337], [index * sizes[kind] + 1]]) {
            const { details } = await expectRefusal(
              () => send({ kind }, flat(d), body, lengths),
              'NON_FINITE',
            );
            expect(details.index).equal(index);
          }
        }
      }
    }
    const body = new Uint8Array(d).fill(1).with(20_000, 127);
    const { details } = await expectRefusal(
      () => send({ kind: 'int8', scale: 1e37 }, flat(d), body),
      'NON_FINITE',
    );
    expect(details.index).equal(20_000);
  });

  it('does not hand on a float32 chunk with a value that is not finite', async () => {
    let handed = 0;
    const stream = await vectorStream({ kind: 'f32' }, flat(4), (bytes) => void (handed += bytes.length));
    await stream.write(float32Bytes(1));
    await expectRefusal(() => stream.write(float32Bytes(1, NaN)), 'NON_FINITE');
    expect(handed).equal(4);
  });

  it('takes nothing more after an error', async () => {
    const stream = await vectorStream({ kind: 'f32' }, flat(1), () => undefined);
    await expectRefusal(() => stream.write(float32Bytes(NaN)), 'NON_FINITE');
    await expectRefusal(() => stream.write(float32Bytes(1)), 'NON_FINITE');
    await expectRefusal(() => stream.end(), 'NON_FINITE');
  });

  it('passes on what the sink throws, and ends with it', async () => {
    const full = new QuorateError('STORE_FULL', 'full');
    for (const sink of [
      () => {
        throw full;
      },
      () => Promise.reject(full),
    ]) {
      const stream = await vectorStream({ kind: 'bf16' }, flat(2), sink);
      await expectRefusal(() => stream.write(new Uint8Array(2)), 'STORE_FULL');
      await expectRefusal(() => stream.end(), 'STORE_FULL');
    }
  });

  it('refuses a scale that is negative or not finite', async () => {
    for (const scale of [-1, NaN, Infinity, 1e39]) {
      await expectRefusal(
        () => vectorStream({ kind: 'int8', scale }, flat(1), () => undefined),
        'INVALID_PARAMETER',
      );
    }
  });
});

describe('vectorStream of safetensors', () => {
  const tensors = [
    { name: 'w', shape: [3, 5] },
    { name: 'none', shape: [0] },
    { name: 'b', shape: [] },
    { name: 'v', shape: [20_000] },
  ];
  const d = 20_016;
  const model: Expected = { d, tensors };
  const [values] = normalRows(1, d, 1);
  const parts = {
    w: { name: 'w', shape: [3, 5], values: values!.subarray(0, 15) },
    none: { name: 'none', shape: [0], values: new Float32Array(0) },
    b: { name: 'b', shape: [], values: values!.subarray(15, 16) },
    v: { name: 'v', shape: [20_000], values: values!.subarray(16) },
  };
  const wanted = new Uint8Array(values!.slice().buffer);
  const format = { kind: 'safetensors' } as const;
  const orders = [
    [parts.w, parts.none, parts.b, parts.v],
    [parts.none, parts.w, parts.b, parts.v],
    [parts.v, parts.b, parts.none, parts.w],
    [parts.b, parts.w, parts.v, parts.none],
  ];

  it('hands on the values in the model’s order, whatever the file’s, however it is cut', async () => {
    for (const order of orders) {
      const body = writeSafetensors(order, { format: 'pt' });
      for (const lengths of [[body.length], [1, 2, 3, 500], [7], [65_536], [9, 30_000]]) {
        for (const isSlow of [false, true]) {
          const { bytes } = await send(format, model, body, lengths, isSlow);
          expect(Buffer.compare(bytes, wanted), lengths.join()).equal(0);
        }
      }
    }
  });

  it('hands on values before the file is complete, small tensors together, if the order is the model’s', async () => {
    // Where a tensor without values stands makes no order.
    for (const order of orders.slice(0, 2)) {
      const body = writeSafetensors(order);
      const got: number[] = [];
      const stream = await vectorStream(format, model, (bytes) => void got.push(bytes.length));
      await stream.write(body.subarray(0, body.length - 2));
      expect(got).deep.equal([d * 4 - 2]);
      await stream.write(body.subarray(body.length - 2));
      await stream.end();
    }
  });

  it('takes tensors of several types', async () => {
    const data = new Uint8Array([0x00, 0x3c, 0x01, 0x00, 0xc0, 0xbf, ...float32Bytes(0.1)]);
    const named = [
      { name: 'half', shape: [2] },
      { name: 'brain', shape: [1] },
      { name: 'full', shape: [1] },
    ];
    const header = {
      half: { dtype: 'F16', shape: [2], data_offsets: [0, 4] },
      brain: { dtype: 'BF16', shape: [1], data_offsets: [4, 6] },
      full: { dtype: 'F32', shape: [1], data_offsets: [6, 10] },
    };
    const body = safetensorsFile({ header, data });
    for (const lengths of [[body.length], [1], [3, 5]]) {
      const straight = await send(format, { d: 4, tensors: named }, body, lengths);
      expect(straight.bytes).deep.equal(float32Bytes(1, 2 ** -24, -1.5, 0.1));
      const turned = await send(format, { d: 4, tensors: [...named].reverse() }, body, lengths);
      expect(turned.bytes).deep.equal(float32Bytes(0.1, -1.5, 1, 2 ** -24));
    }
  });

  it('refuses tensors that the model does not have, that are missing, or of another shape', async () => {
    const other = { name: 'x', shape: [1], values: Float32Array.of(1) };
    for (const [order, tensor] of [
      [[...orders[0]!, other], 'x'],
      [[parts.w, parts.b, parts.v], 'none'],
      [[parts.w, parts.none, parts.b], 'v'],
      [[{ ...parts.w, shape: [5, 3] }, parts.none, parts.b, parts.v], 'w'],
      [[{ ...parts.w, shape: [15] }, parts.none, parts.b, parts.v], 'w'],
      [[parts.w, parts.none, { ...parts.b, shape: [1] }, parts.v], 'b'],
    ] as const) {
      const { details } = await expectRefusal(
        () => send(format, model, writeSafetensors(order)),
        'BAD_SHAPE',
      );
      expect(details.tensor).equal(tensor);
    }
  });

  it('refuses a shape that is the beginning of the model’s', async () => {
    const body = writeSafetensors([{ name: 'a', shape: [2], values: new Float32Array(2) }]);
    const longer: Expected = { d: 2, tensors: [{ name: 'a', shape: [2, 1] }] };
    await expectRefusal(() => send(format, longer, body), 'BAD_SHAPE');
  });

  it('refuses a body that ends early or goes on', async () => {
    for (const order of orders) {
      const body = writeSafetensors(order);
      for (const length of [0, 7, 8, 9, 100]) {
        await expectRefusal(() => send(format, model, body.subarray(0, length)), 'MALFORMED');
      }
      await expectRefusal(() => send(format, model, body.subarray(0, -1)), 'BAD_SHAPE');
      await expectRefusal(() => send(format, model, new Uint8Array([...body, 0])), 'BAD_SHAPE');
    }
  });

  it('refuses NaN, in either order', async () => {
    for (const order of orders) {
      const body = writeSafetensors(order);
      body.set(float32Bytes(NaN), body.length - 4);
      await expectRefusal(() => send(format, model, body), 'NON_FINITE');
    }
  });

  it('refuses an impossible header at its length, without waiting for it', async () => {
    for (const bytes of [0n, 1n, 1_000_000n, 2n ** 64n - 1n]) {
      const stream = await vectorStream(format, model, () => undefined);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(bytes);
      await expectRefusal(() => stream.write(length), 'MALFORMED');
    }
  });

  it('reads or refuses any bytes, and never fails otherwise', async () => {
    const body = writeSafetensors([
      { name: 'a', shape: [2], values: Float32Array.of(1, 2) },
      { name: 'b', shape: [1], values: Float32Array.of(3) },
    ]);
    const small: Expected = {
      d: 3,
      tensors: [
        { name: 'b', shape: [1] },
        { name: 'a', shape: [2] },
      ],
    };
    const changed = fc
      .tuple(fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 3 }), fc.nat(20))
      .map(([changes, missing]) => {
        const bytes = body.slice();
        for (const [place, byte] of changes) bytes[place] = byte;
        return bytes.subarray(0, bytes.length - Math.max(0, missing - 15));
      });
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(fc.oneof(changed, fc.uint8Array()), lengths, async (bytes, cuts) => {
      try {
        expect((await send(format, small, bytes, cuts)).bytes.length).equal(12);
      } catch (error) {
        if (!(error instanceof QuorateError)) throw error;
        expect(error.code).oneOf(['MALFORMED', 'BAD_TYPE', 'BAD_SHAPE', 'NON_FINITE']);
      }
    });
    await fc.assert(property, { ...runs, numRuns: 2000 });
  });
});
