import { expect } from 'chai';
import { Play } from './playing.js';

describe('an update that was stored', () => {
  it('is acknowledged with how many are in, then announced', () => {
    const play = Play.running({}, 'a', 'b').at(70).updates('b');
    const update = { node: 'b', digest: 'aa', numExamples: 10, metrics: {}, staleness: 0, responseMs: 70 };
    expect(play.effects).deep.equal([
      { type: 'accept', update, round: 1, accepted: 1 },
      { type: 'announce', event: { type: 'update-accepted', round: 1, node: 'b', accepted: 1 } },
    ]);
    expect(play.state.round).deep.include({ accepted: { b: update } });
  });

  it('is answered as before if it is the same again, and announced no more', () => {
    const play = Play.running({}, 'a', 'b').at(70).updates('b');
    const [first] = play.effects;
    play.at(90).updates('b');
    expect(play.effects).deep.equal([first]);
    play.updates('a').updates('b');
    expect(play.phase).equal('aggregating');
    expect(play.effects).deep.equal([{ ...first, accepted: 2 }]);
  });

  it('is refused if the node has sent another one, and the first stays', () => {
    const play = Play.running({}, 'a', 'b').updates('b');
    const before = play.state.round;
    play.updates('b', 1, 'other');
    expect(play.effects).deep.equal([
      {
        type: 'refuse',
        node: 'b',
        round: 1,
        code: 'CONFLICTING_UPDATE',
        message: 'b has sent another update before.',
      },
    ]);
    expect(play.state.round).deep.equal(before);
    expect(play.state.nodes.b!.refused).deep.equal({ CONFLICTING_UPDATE: 1 });
  });

  it('is refused if the round closed before it was durable', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('ab').tick(60_000).updates('c');
    expect(play.effectsOf('refuse')).length(1);
    expect(play.effectsOf('refuse')[0]).deep.include({ node: 'c', round: 1, code: 'ROUND_CLOSED' });
  });

  it('of a stranger changes nothing', () => {
    const play = Play.running({}, 'a', 'b');
    const before = play.state;
    expect(play.updates('z').effectsOf('refuse')[0]!.code).equal('UNKNOWN_NODE');
    expect(play.state).equal(before);
  });

  it('in a buffer carries its staleness, and its time since the round that it was trained for opened', () => {
    const mode = { kind: 'buffered', bufferSize: 2, maxStaleness: 3 } as const;
    const play = Play.running({ mode }, 'a', 'b', 'c').at(100).updates('ab').at(150).commit();
    play.at(180).updates('c', 1).updates('a', 2);
    expect(play.phase).equal('aggregating');
    expect(
      play.effectsOf('aggregate')[0]!.updates.map(({ staleness, responseMs }) => [staleness, responseMs]),
    ).deep.equal([
      [0, 30],
      [1, 180],
    ]);
  });

  it('never has a negative response time, whatever the clock did', () => {
    const play = new Play().at(1000).come('a', 'b').send({ type: 'start' }).at(400).updates('a');
    expect(play.effectsOf('accept')[0]!.update.responseMs).equal(0);
  });

  it('keeps the openings that staleness needs, and no more', () => {
    const mode = { kind: 'buffered', bufferSize: 2, maxStaleness: 1 } as const;
    const play = Play.running({ mode, rounds: 9 }, 'a', 'b');
    for (let round = 1; round <= 4; round++) play.at(round).updates('ab').commit();
    expect(play.state.openings).deep.equal({ 4: 3, 5: 4 });
    const sync = Play.running({}, 'a', 'b').at(1).updates('ab').commit();
    expect(sync.state.openings).deep.equal({ 2: 1 });
  });
});
