/**
 * Writes WebAssembly binary modules: the few instructions that a selection network needs, and the sections
 * around them. Source: WebAssembly Core Specification 2.0, chapter 5 (binary format).
 */

/** Bytes of WebAssembly code. */
export type Code = number[];

/** Unsigned LEB128. */
function unsigned(value: number): Code {
  const bytes: Code = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** Signed LEB128, for integers of at most 32 bits. */
function signed(value: number): Code {
  const bytes: Code = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    const done = (value === 0 && (low & 0x40) === 0) || (value === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
const splat = (value: number): Code => {
  const lane = [...new Uint8Array(Float32Array.of(value).buffer)];
  return [...simd(12), ...lane, ...lane, ...lane, ...lane];
};

/** Value types. */
export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;

/** Instructions by their names in the specification. Memory offsets are in bytes; vectors are 16-byte aligned. */
export const op = {
  localGet: (local: number): Code => [0x20, ...unsigned(local)],
  localSet: (local: number): Code => [0x21, ...unsigned(local)],
  localTee: (local: number): Code => [0x22, ...unsigned(local)],
  i32Const: (value: number): Code => [0x41, ...signed(value)],
  i32Add: [0x6a],
  i32LessUnsigned: [0x49],
  i32Load: (offset: number): Code => [0x28, 2, ...unsigned(offset)],
  v128Load: (offset: number): Code => [...simd(0), 4, ...unsigned(offset)],
  v128Store: (offset: number): Code => [...simd(11), 4, ...unsigned(offset)],
  v128Const: splat,
  v128Bitselect: simd(82),
  f32x4ExtractLane: (lane: number): Code => [...simd(31), lane],
  f32x4Add: simd(228),
  f32x4Sub: simd(229),
  f32x4Mul: simd(230),
  f32x4Div: simd(231),
  f32x4PMin: simd(234),
  f32x4PMax: simd(235),
  f32x4Abs: simd(224),
  f32x4Less: simd(67),
  f32Add: [0x92],
  loop: [0x03, 0x40],
  branchIf: (depth: number): Code => [0x0d, ...unsigned(depth)],
  end: [0x0b],
} as const;

/** A function of the module. */
export interface FunctionBody {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  /** Value types of the locals after the parameters. */
  readonly locals: readonly number[];
  readonly code: Code;
}

const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const name = (text: string): Code => vector([...new TextEncoder().encode(text)].map((byte) => [byte]));

function body({ locals, code }: FunctionBody): Code {
  const groups: { type: number; count: number }[] = [];
  for (const type of locals) {
    const last = groups.at(-1);
    if (last?.type === type) last.count++;
    else groups.push({ type, count: 1 });
  }
  const declared = vector(groups.map(({ type, count }) => [...unsigned(count), type]));
  return [...unsigned(declared.length + code.length + 1), ...declared, ...code, ...op.end];
}

/** A module that exports functions by name, over the memory that it imports as `env.memory`. */
export function wasmModule(
  functions: Readonly<Record<string, FunctionBody>>,
  sharedMaximumPages?: number,
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(functions);
  const limits =
    sharedMaximumPages === undefined
      ? [0, ...unsigned(1)]
      : [3, ...unsigned(1), ...unsigned(sharedMaximumPages)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      vector(
        entries.map(([, f]) => [
          0x60,
          ...vector(f.parameters.map((t) => [t])),
          ...vector(f.results.map((t) => [t])),
        ]),
      ),
    ),
    ...section(2, vector([[...name('env'), ...name('memory'), 2, ...limits]])),
    ...section(3, vector(entries.map((_, index) => unsigned(index)))),
    ...section(7, vector(entries.map(([key], index) => [...name(key), 0, ...unsigned(index)]))),
    ...section(10, vector(entries.map(([, f]) => body(f)))),
  ]);
}
