import { expect } from 'chai';
import { Play } from './playing.js';

const exclude = { rounds: 2, suspicion: 0.5 };

describe("a node's record", () => {
  it('counts the committed rounds that asked it, and those that have its update', () => {
    const play = Play.running({ rounds: 9 }, 'a', 'b', 'c').updates('ab');
    expect(play.state.nodes.a!.accepted).equal(0);
    play.tick(60_000).commit();
    expect(play.state.nodes.a).deep.include({ roundsAsked: 1, accepted: 1, lastRound: 1, trainedFor: 1 });
    expect(play.state.nodes.c).deep.include({ roundsAsked: 1, accepted: 0, lastRound: null });
  });

  it('does not count a round that failed', () => {
    const play = Play.running({}, 'a', 'b').updates('ab').failAggregation();
    expect(play.state.nodes.a).deep.include({ roundsAsked: 0, accepted: 0 });
  });

  it('counts refusals by code, before and after storing', () => {
    const play = Play.running({}, 'a', 'b').updates('a', 2).updates('a', 2);
    play.send({ type: 'update-refused', node: 'a', code: 'NON_FINITE' });
    expect(play.state.nodes.a!.refused).deep.equal({ ROUND_NOT_OPEN: 2, NON_FINITE: 1 });
    const before = play.state;
    expect(play.send({ type: 'update-refused', node: 'z', code: 'NON_FINITE' }).state).equal(before);
  });

  it('has means over the rounds that it took part in', () => {
    const play = Play.running({ rounds: 9 }, 'a', 'b').at(10).updates('ab').commit({ a: 0.25, b: 0 });
    play.at(30).updates('ab').commit({ a: null });
    play.at(60).updates('ab').commit({ a: 0.75 });
    expect(play.state.nodes.a).deep.include({
      meanResponseMs: 20,
      meanSuspicion: 0.5,
      judged: 2,
      lastSuspicion: 0.75,
    });
  });

  it('goes on when the node comes back', () => {
    const play = Play.running({}, 'a', 'b').updates('ab').commit().go('a');
    expect(play.state.nodes.a).deep.include({ present: false, accepted: 1 });
    expect(play.come('a').state.nodes.a).deep.include({ present: true, accepted: 1 });
  });

  it('goes when the node is removed, and its update stays in the round', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('a').send({ type: 'node-removed', node: 'a' });
    expect(play.state.nodes).not.have.property('a');
    expect(play.updates('bc').aggregated()).deep.equal(['a', 'b', 'c']);
    expect(play.commit({ a: 0.1 }).state.nodes).have.keys('b', 'c');
  });

  it('is not made by the absence of a stranger', () => {
    expect(new Play().go('a').state.nodes).deep.equal({});
  });
});

describe('excluding a node', () => {
  const three = () => Play.running({ exclude, rounds: 9 }, 'a', 'b', 'c');

  it('takes so many suspicious rounds one after the other, and is announced', () => {
    const play = three().updates('abc').commit({ a: 0.9, b: 0.5, c: 0 });
    expect(play.state.nodes.a).deep.include({ suspiciousRounds: 1, excluded: false });
    play.updates('abc').commit({ a: 0.51, b: 0.5, c: 0 });
    expect(play.state.nodes.a!.excluded).equal(true);
    expect(play.state.nodes.b).deep.include({ excluded: false, suspiciousRounds: 0 });
    expect(play.announcements().slice(0, 2)).deep.equal([
      { type: 'round-committed', round: 2, metrics: {} },
      { type: 'node-excluded', node: 'a', round: 2 },
    ]);
  });

  it('is announced in the order of their names, whichever came first', () => {
    const play = Play.running({ exclude: { rounds: 1, suspicion: 0.5 } }, 'c', 'b', 'a').updates('cba');
    play.commit({ c: 1, b: 0, a: 1 });
    const announced = play.announcements().filter(({ type }) => type === 'node-excluded');
    expect(announced.map((event) => 'node' in event && event.node)).deep.equal(['a', 'c']);
  });

  it('starts anew after a round that was not suspicious', () => {
    const play = three();
    for (const suspicion of [0.9, 0.1, 0.9]) play.updates('abc').commit({ a: suspicion });
    expect(play.state.nodes.a).deep.include({ suspiciousRounds: 1, excluded: false });
  });

  it('goes on over rounds in which it took no part, or was not judged', () => {
    const play = three().updates('abc').commit({ a: 0.9 }).updates('bc').go('a').commit();
    play.come('a').updates('abc').commit({ a: null });
    expect(play.state.nodes.a!.suspiciousRounds).equal(1);
    expect(play.updates('abc').commit({ a: 0.9 }).state.nodes.a!.excluded).equal(true);
  });

  it('leaves it out of the next rounds, and of those who are waited for', () => {
    const play = three();
    for (let i = 0; i < 2; i++) play.updates('abc').commit({ a: 1 });
    expect(play.updates('bc').aggregated()).deep.equal(['b', 'c']);
    play.commit();
    expect(play.announcements().filter(({ type }) => type === 'node-excluded')).deep.equal([]);
    expect(play.state.nodes.a!.roundsAsked).equal(2);
  });

  it('makes the session wait where too few are left', () => {
    const play = Play.running({ exclude: { rounds: 1, suspicion: 0 } }, 'a', 'b')
      .updates('ab')
      .commit({ a: 1 });
    expect(play.phase).equal('waiting');
    expect(play.come('c').phase).equal('collecting');
  });

  it('is off by default', () => {
    const play = Play.running({}, 'a', 'b').updates('ab').commit({ a: 1, b: 1 });
    expect(play.state.nodes.a).deep.include({ excluded: false, suspiciousRounds: 0, lastSuspicion: 1 });
  });
});
