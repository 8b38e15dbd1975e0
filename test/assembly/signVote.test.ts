import { expect } from 'chai';
import { type Bench, GUARD, onCore } from '../support/core.js';
import { random, rowsOf } from '../support/random.js';
import { toRows } from '../support/reference/vectors.js';
import { signVote as reference } from '../support/reference/columns.js';

/** Places the rows at addresses in no order, so that only the table can lead to them. */
function vote(
  { core, place, room, bytes }: Bench,
  rows: readonly Float32Array[],
  step: number,
  c0: number,
  c1: number,
) {
  const addresses = new Uint32Array(rows.length);
  for (let i = rows.length - 1; i >= 0; i--) addresses[i] = place(rows[i]!);
  const columns = rows[0]!.length;
  const out = room(columns * 4);
  const proof = core.signVote(place(addresses), rows.length, step, out, c0, c1);
  return { proof, out: bytes(out, columns * 4) };
}

const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];

describe('signVote', () => {
  it('takes the sign of the sum of signs, times step', async () => {
    const { whole, normal } = random(2);
    const sizes = [1e-45, 1e-30, 1, 3e38];
    for (const n of [1, 2, 3, 4, 5, 7, 8, 11, 16, 33, 130, 300]) {
      // Zeros of both signs, ties, and sizes that a sum would confuse.
      const rows = rowsOf(n, 128, () =>
        whole(0, 3) === 0 ? normal() * 0 : Math.sign(normal()) * sizes[whole(0, 3)]!,
      );
      for (const step of [1, 0.25, -3]) {
        const { proof, out } = await onCore((bench) => vote(bench, rows, step, 0, 128));
        expect(proof).equal(0);
        expect(floats(out)).deep.equal(reference(toRows(rows), { step }));
      }
    }
  });

  it('gives +0 on a tie', async () => {
    const rows = [1, -1].map((value) => new Float32Array(16).fill(value));
    for (const tied of [rows, [new Float32Array(16).fill(-0)]]) {
      const { out } = await onCore((bench) => vote(bench, tied, -2, 0, 16));
      expect(floats(out).every((value) => Object.is(value, 0))).equal(true);
    }
  });

  it('writes its columns and no others', async () => {
    const rows = rowsOf(5, 96, (i, k) => i + k + 1);
    const { out } = await onCore((bench) => vote(bench, rows, 1, 32, 64));
    expect(floats(out.subarray(128, 256))).deep.equal(new Array(32).fill(1));
    expect([...out.subarray(0, 128), ...out.subarray(256)]).deep.equal(new Array(256).fill(GUARD));
  });

  it('does not write to the rows', async () => {
    const rows = rowsOf(6, 32, (i, k) => i - k);
    await onCore((bench) => {
      const addresses = rows.map((row) => bench.place(row));
      bench.core.signVote(bench.place(Uint32Array.from(addresses)), 6, 1, bench.room(128), 0, 32);
      addresses.forEach((address, i) => {
        expect(bench.f32(address, 32)).deep.equal(rows[i]);
      });
    });
  });

  it('proves by a finite result that every value read was finite', async () => {
    for (const n of [1, 4, 5, 9]) {
      for (const lie of [NaN, Infinity, -Infinity]) {
        for (let i = 0; i < n; i++) {
          const rows = rowsOf(n, 64, () => 3e38);
          rows[i]![(17 * i + 5) % 64] = lie;
          const { proof } = await onCore((bench) => vote(bench, rows, 1, 0, 64));
          expect(proof, `${lie} in row ${i} of ${n}`).to.be.NaN;
        }
      }
    }
  });
});
