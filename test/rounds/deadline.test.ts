import { expect } from 'chai';
import { collectMs, quantile } from '../../src/rounds/deadline.js';
import { Play, policyWith } from './playing.js';

const adaptiveDeadline = { quantile: 0.9, slack: 1.5, minMs: 100, window: 10 };
const policy = policyWith({ adaptiveDeadline });

describe('quantile', () => {
  it('is by nearest rank', () => {
    const values = [15, 50, 20, 40, 35];
    expect([0.05, 0.2, 0.3, 0.4, 0.5, 1].map((share) => quantile(values, share))).deep.equal([
      15, 15, 20, 20, 35, 50,
    ]);
  });

  it('orders by number, and leaves the values as they were', () => {
    const values = Object.freeze([100, 9]);
    expect(quantile(values, 1)).equal(100);
  });
});

describe('collectMs', () => {
  it('is deadlineMs where nothing is learned, or nothing is to be', () => {
    expect(collectMs(policy, [], 1)).equal(60_000);
    expect(collectMs(policyWith(), [200], 1)).equal(60_000);
  });

  it('is slack times the quantile, whole milliseconds', () => {
    expect(collectMs(policy, [201, 199, 205.5], 1)).equal(309);
  });

  it('stays within minMs and deadlineMs', () => {
    expect(collectMs(policy, [1], 1)).equal(100);
    expect(collectMs(policy, [59_000], 1)).equal(60_000);
    expect(collectMs(policyWith({ adaptiveDeadline, deadlineMs: 50 }), [1], 1)).equal(50);
  });

  it('is the whole of deadlineMs when a round is tried again', () => {
    expect(collectMs(policy, [200], 2)).equal(60_000);
  });
});

describe('an adaptive deadline', () => {
  it('follows the response times of the rounds before', () => {
    const play = Play.running({ adaptiveDeadline }, 'a', 'b').at(200).updates('a').at(400).updates('b');
    play.at(500).commit();
    expect(play.deadlineAtMs).equal(500 + 600);
  });

  it('is not held back by one slow node of many', () => {
    const nodes = 'abcdefghij'.split('');
    const play = Play.running({ adaptiveDeadline, rounds: 9 }, ...nodes);
    play.at(200).updates('abcdefghi').at(50_000).updates('j').commit();
    expect(play.deadlineAtMs).equal(50_000 + 300);
  });

  it('grows until nodes that turned slow together are heard again', () => {
    const play = Play.running({ adaptiveDeadline, rounds: 100 }, ...'abcd'.split(''));
    play.at(100).updates('abcd').commit();
    let rounds = 0;
    for (; play.state.nodes.d!.accepted < 2 && rounds < 20; rounds++) {
      const openedAtMs = play.atMs;
      play.at(openedAtMs + 100).updates('ab');
      if (play.deadlineAtMs! > openedAtMs + 2000) play.at(openedAtMs + 2000).updates('cd');
      if (play.phase === 'collecting') play.tick(play.deadlineAtMs!);
      play.commit();
    }
    // From 150 ms to more than 2 s in steps of 1.5.
    expect(rounds).within(5, 10);
  });

  it('looks at the newest `window` response times', () => {
    const play = Play.running({ adaptiveDeadline: { ...adaptiveDeadline, window: 3 } }, 'a', 'b');
    play.at(1).updates('a').at(2).updates('b').commit();
    play.at(5).updates('a').at(6).updates('b').commit();
    expect(play.state.responseTimesMs).deep.equal([2, 3, 4]);
  });

  it('is not asked for: nothing is remembered', () => {
    expect(Play.running({}, 'a', 'b').updates('ab').state.responseTimesMs).deep.equal([]);
  });
});
