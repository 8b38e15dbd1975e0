/** A long run: what a server holds does not grow with its rounds, its connections and what was cut off. */
import { expect } from 'chai';
import { slope, soakFor } from '../../bench/server/soak.js';
import { measured } from './measured.js';

/** As long as one likes: QUORATE_SOAK_SECONDS=3600. */
const seconds = Number(process.env.QUORATE_SOAK_SECONDS ?? 60);

/** Bytes a round: one of its ten updates that stays would be as many. */
const MAX_RESIDENT_GROWTH = 100_000;
/** Bytes a round: 1 kB of each update that stays would be as many. */
const MAX_HEAP_GROWTH = 10_000;
/** A file that is just being opened or removed. */
const MAX_MORE_DESCRIPTORS = 2;

describe('a server in a long run', function () {
  this.timeout(seconds * 1000 + 240_000);

  it('takes no more memory, descriptors and handles as rounds go by', async () => {
    const soaked = await soakFor(seconds);
    const [before, after] = soaked.idle;
    const roundSeconds = soaked.seconds / soaked.rounds;
    const residentGrowth = slope(soaked, ({ residentBytes }) => residentBytes) * roundSeconds;
    const heapGrowth = slope(soaked, ({ heapBytes }) => heapBytes) * roundSeconds;
    measured(
      `${soaked.rounds} rounds in ${Math.round(soaked.seconds)} s: resident memory ` +
        `${(residentGrowth / 1000).toFixed(1)} kB a round, heap ${(heapGrowth / 1000).toFixed(1)} kB a round; ` +
        `descriptors ${before.descriptors} → ${after.descriptors}, handles ${before.handles} → ${after.handles}`,
      {
        rounds: soaked.rounds,
        seconds: soaked.seconds,
        residentGrowthBytesPerRound: residentGrowth,
        heapGrowthBytesPerRound: heapGrowth,
        descriptorsBefore: before.descriptors,
        descriptorsAfter: after.descriptors,
        handlesBefore: before.handles,
        handlesAfter: after.handles,
      },
    );
    expect(soaked.samples.length).above(5);
    expect(residentGrowth, 'bytes of resident memory a round').below(MAX_RESIDENT_GROWTH);
    expect(heapGrowth, 'bytes of heap a round').below(MAX_HEAP_GROWTH);
    expect(after.descriptors).most(before.descriptors + MAX_MORE_DESCRIPTORS);
    expect(after.handles).most(before.handles + MAX_MORE_DESCRIPTORS);
  });
});
