/** A long run: what a server holds does not grow with its rounds, its connections and what was cut off. */
import { expect } from 'chai';
import { slope, soakFor } from '../../bench/server/soak.js';
import { measured } from './measured.js';

/** As long as one likes: QUORATE_SOAK_SECONDS=3600. */
const seconds = Number(process.env.QUORATE_SOAK_SECONDS ?? 60);

/** Noise of a minute's samples; a leak of one update's bytes (100 kB) a round would be ten times that. */
const MOST_RESIDENT_GROWTH = 500_000;
/** A leak of 1 kB an update would be more. */
const MOST_HEAP_GROWTH = 100_000;
/** A file that is just being opened or removed. */
const MOST_MORE_DESCRIPTORS = 2;

describe('a server in a long run', function () {
  this.timeout(seconds * 1000 + 240_000);

  it('takes no more memory, descriptors and handles as rounds go by', async () => {
    const soaked = await soakFor(seconds);
    const [before, after] = soaked.idle;
    const residentGrowth = slope(soaked, ({ residentBytes }) => residentBytes);
    const heapGrowth = slope(soaked, ({ heapBytes }) => heapBytes);
    measured(
      `${soaked.rounds} rounds in ${Math.round(soaked.seconds)} s: resident memory ` +
        `${(residentGrowth / 1000).toFixed(1)} kB/s, heap ${(heapGrowth / 1000).toFixed(1)} kB/s; ` +
        `descriptors ${before.descriptors} → ${after.descriptors}, handles ${before.handles} → ${after.handles}`,
      {
        rounds: soaked.rounds,
        seconds: soaked.seconds,
        residentGrowthBytesPerSecond: residentGrowth,
        heapGrowthBytesPerSecond: heapGrowth,
        descriptorsBefore: before.descriptors,
        descriptorsAfter: after.descriptors,
        handlesBefore: before.handles,
        handlesAfter: after.handles,
      },
    );
    expect(soaked.samples.length).above(5);
    expect(residentGrowth, 'bytes of resident memory a second').below(MOST_RESIDENT_GROWTH);
    expect(heapGrowth, 'bytes of heap a second').below(MOST_HEAP_GROWTH);
    expect(after.descriptors).most(before.descriptors + MOST_MORE_DESCRIPTORS);
    expect(after.handles).most(before.handles + MOST_MORE_DESCRIPTORS);
  });
});
