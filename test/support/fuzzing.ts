/**
 * What fuzzing has in common: how much of it there is, and how something valid is made almost valid. FUZZ_RUNS sets the
 * runs of each property, FUZZ_SEED where they begin; fast-check prints both of a failure.
 */
import fc from 'fast-check';

const { FUZZ_RUNS, FUZZ_SEED } = process.env;

/** @param usual the default number of runs */
export const fuzz = (usual: number) => ({
  seed: FUZZ_SEED === undefined ? 20_260_101 : Number(FUZZ_SEED),
  numRuns: FUZZ_RUNS === undefined ? usual : Number(FUZZ_RUNS),
});

/** For mocha: as much longer as there are more runs. */
export const fuzzTimeoutMs = (usual: number): number => 60_000 * Math.ceil(fuzz(usual).numRuns / usual);

type Edit = (bytes: Buffer) => Buffer;

const place = fc.nat();
/** Bytes that mean something to one format or another. */
const telling = fc.constantFrom(...Buffer.from('\0\n\r\t "\'()+,-./0:;<=>?[]{}\\\x7f\x80\xff', 'latin1'));
const some = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes));

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(([at, bit]): Edit => (bytes) => {
    if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << bit;
    return bytes;
  }),
  fc.tuple(place, telling).map(([at, byte]): Edit => (bytes) => {
    if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  }),
  fc
    .tuple(
      place,
      fc.oneof(
        some,
        telling.map((byte) => Buffer.of(byte)),
      ),
    )
    .map(
      ([at, more]): Edit =>
        (bytes) =>
          splice(bytes, at, 0, more),
    ),
  fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
    ([at, count]): Edit =>
      (bytes) =>
        splice(bytes, at, count, Buffer.alloc(0)),
  ),
  fc
    .tuple(place, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20 }))
    .map(([at, count, times]): Edit => (bytes) => {
      const from = bytes.length === 0 ? 0 : at % bytes.length;
      const piece = bytes.subarray(from, from + count);
      return splice(bytes, from, 0, Buffer.concat(Array.from({ length: times }, () => piece)));
    }),
  place.map(
    (at): Edit =>
      (bytes) =>
        bytes.subarray(0, bytes.length === 0 ? 0 : at % bytes.length),
  ),
);

function splice(bytes: Buffer, at: number, count: number, more: Buffer): Buffer {
  const from = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, from), more, bytes.subarray(from + count)]);
}

/** These bytes, changed in one to four places: turned, put in, left out, doubled, cut off. */
export const damaged = (valid: Uint8Array): fc.Arbitrary<Buffer> =>
  fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce<Buffer>((bytes, change) => change(bytes), Buffer.from(valid)));

/** What stands where something else should: extremes, other kinds, and names that mean something to JavaScript. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    ...[0, -1, 1.5, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, true, null, '', 'NaN', [], {}],
    ...['__proto__', 'constructor', 'toString', '\0', '../..', 'x'.repeat(5000), '\ud800', [[[[]]]]],
    nested(60),
    nested(3000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** This value with one to three parts of it odd, missing, doubled or more than there should be. */
export const oddly = (valid: unknown): fc.Arbitrary<unknown> =>
  fc
    .array(fc.tuple(place, fc.constantFrom('replace', 'remove', 'add', 'rename'), oddValue), {
      minLength: 1,
      maxLength: 3,
    })
    .map((changes) =>
      changes.reduce<unknown>(
        (value, [at, how, odd]) => changed(value, at, how, odd),
        structuredClone(valid),
      ),
    );

type Tree = Record<string, unknown>;

function changed(value: unknown, at: number, how: string, odd: unknown): unknown {
  const places: [Tree, string][] = [];
  const visit = (tree: unknown, depth: number): void => {
    if (typeof tree !== 'object' || tree === null || depth > 20) return;
    for (const key of Object.keys(tree)) {
      places.push([tree as Tree, key]);
      visit((tree as Tree)[key], depth + 1);
    }
  };
  visit(value, 0);
  if (places.length === 0) return odd;
  const [tree, key] = places[at % places.length]!;
  if (how === 'remove') Reflect.deleteProperty(tree, key);
  else if (how === 'add') define(tree, typeof odd === 'string' ? odd : '__proto__', odd);
  else if (how === 'rename') define(tree, `${key}_`, tree[key]);
  else define(tree, key, odd);
  return value;
}

/** As JSON.parse does, also for `__proto__`. */
function define(tree: Tree, key: string, value: unknown): void {
  Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true });
}

/** JSON texts: odd values, some with a member twice, or with numbers that JSON has and JavaScript has not. */
export const oddJson = (valid: unknown): fc.Arbitrary<string> =>
  fc
    .tuple(oddly(valid), fc.constantFrom('', '', 'twice', '1e999', '-0', 'deep'), place)
    .map(([value, trick, at]) => {
      const text = JSON.stringify(value) ?? 'null';
      const numbers = [...text.matchAll(/\d+(\.\d+)?/g)];
      if (trick === 'twice' && text.startsWith('{') && text.length > 2) {
        return `{${text.slice(1, -1)},${text.slice(1)}`;
      }
      if (trick === 'deep') return `${'['.repeat(20_000)}${text}${']'.repeat(20_000)}`;
      if (trick === '' || trick === 'twice' || numbers.length === 0) return text;
      const number = numbers[at % numbers.length]!;
      return text.slice(0, number.index) + trick + text.slice(number.index + number[0].length);
    });
