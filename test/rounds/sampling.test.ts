import { expect } from 'chai';
import { sample } from '../../src/rounds/sampling.js';
import { Play } from './playing.js';

/** Of rounds 1 to 4, three ids, seed 42: what a session has asked once it asks again after an upgrade. */
const samples = ['aeg', 'bdh', 'cde', 'deg'];

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

describe('sample', () => {
  it('draws so many different ids, in order, and the same ones every time', () => {
    const drawn = sample(ids, 3, [1, 2, 3]);
    expect(drawn).length(3);
    expect(new Set(drawn).size).equal(3);
    expect(drawn).deep.equal([...drawn].sort());
    expect(sample(ids, 3, [1, 2, 3])).deep.equal(drawn);
  });

  it('gives the same sample on every engine', () => {
    expect([1, 2, 3, 4].map((round) => sample(ids, 3, [42, round, 1]).join(''))).deep.equal(samples);
  });

  it('depends on each part of the key, and on their order', () => {
    const large = Array.from({ length: 100 }, (_, i) => `n${i}`);
    const of = (...key: number[]) => sample(large, 50, key).join();
    const drawn = [of(1, 2, 3), of(2, 2, 3), of(1, 3, 3), of(1, 2, 4), of(2, 1, 3), of(0, 0, 0)];
    expect(new Set(drawn).size).equal(drawn.length);
  });

  it('draws each node about equally often over many rounds', () => {
    const counts = Object.fromEntries(ids.map((id) => [id, 0]));
    for (let round = 1; round <= 4000; round++) for (const id of sample(ids, 2, [9, round, 1])) counts[id]!++;
    // 1000 expected, deviation 27: five of them.
    for (const id of ids) expect(counts[id], id).within(865, 1135);
  });

  it('draws each pair about equally often', () => {
    const counts = new Map<string, number>();
    for (let round = 1; round <= 5600; round++) {
      const pair = sample(ids, 2, [3, round, 1]).join('');
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    expect(counts.size).equal(28);
    // 200 expected, deviation 14.
    for (const [pair, count] of counts) expect(count, pair).within(130, 270);
  });

  it('takes all where there are no more', () => {
    expect(sample(['b', 'a'].sort(), 5, [1])).deep.equal(['a', 'b']);
  });
});

describe('a round with a sample', () => {
  const selection = { kind: 'sample', size: 3, seed: 42 } as const;

  it('draws the same nodes in any order of registration', () => {
    const forwards = new Play({ selection, quorum: 2 }).come(...ids).send({ type: 'start' });
    const backwards = new Play({ selection, quorum: 2 }).come(...ids.toReversed()).send({ type: 'start' });
    expect(forwards.asked).deep.equal(samples[0]!.split(''));
    expect(backwards.asked).deep.equal(forwards.asked);
  });

  it('refuses the others, who count as refused and not as asked', () => {
    const play = Play.running({ selection }, ...ids);
    const other = ids.find((id) => !play.asked!.includes(id))!;
    expect(play.updates(other).effectsOf('refuse')[0]!.code).equal('NOT_ASKED');
    expect(play.state.nodes[other]!.refused).deep.equal({ NOT_ASKED: 1 });
    play.updates(play.asked!.join('')).commit();
    expect(play.state.nodes[other]!.roundsAsked).equal(0);
  });

  it('does not wait for who comes later', () => {
    const play = Play.running({ selection }, 'a', 'b', 'c').come('d').updates('abc');
    expect(play.phase).equal('aggregating');
  });

  it('takes all nodes present if they are fewer than the sample and at least a quorum', () => {
    expect(Play.running({ selection }, 'b', 'a').asked).deep.equal(['a', 'b']);
  });

  it('draws anew for each attempt', () => {
    const many = Array.from({ length: 60 }, (_, i) => `n${i}`);
    const play = Play.running({ selection: { ...selection, size: 30 } }, ...many);
    const first = play.asked;
    expect(play.tick(60_000).tick(61_000).asked).not.deep.equal(first);
  });
});
