import { expect } from 'chai';
import { backoffMs } from '../../src/rounds/failing.js';
import { Play, policyWith } from './playing.js';

describe('a round that fails', () => {
  it('at the deadline without a quorum, is discarded and tried again after firstMs', () => {
    const play = Play.running({}, 'a', 'b').updates('a').tick(60_000);
    expect(play.effects).deep.equal([
      {
        type: 'announce',
        event: {
          type: 'round-failed',
          round: 1,
          attempt: 1,
          code: 'TOO_FEW_UPDATES',
          message: '1 update arrived within 60000 ms; the quorum is 2.',
        },
      },
      { type: 'discard-round', round: 1, attempt: 1 },
      { type: 'wake', atMs: 61_000 },
    ]);
    expect(play.tick(60_999).phase).equal('backing-off');
    const failure = { number: 1, attempt: 1, code: 'TOO_FEW_UPDATES' };
    expect(play.state.failure).deep.include(failure);
    play.tick(61_000);
    expect(play.effectsOf('open-round')).deep.equal([
      { type: 'open-round', round: 1, attempt: 2, asked: null, deadlineAtMs: 121_000 },
    ]);
    expect(play.state.failure).deep.include(failure);
    expect(play.updates('ab').commit().state.failure, 'of the committed round').equal(null);
  });

  it('takes fresh updates in its next attempt, also from who had sent one', () => {
    const play = Play.running({}, 'a', 'b').updates('a').tick(60_000).tick(61_000);
    expect(play.updates('a', 1, 'bb').effectsOf('accept')).length(1);
    expect(play.updates('b').aggregated()).deep.equal(['a', 'b']);
  });

  it('in its aggregation, is discarded and tried again likewise', () => {
    const play = Play.running({}, 'a', 'b').updates('ab').at(9).failAggregation();
    expect(play.announcements()).deep.equal([
      { type: 'round-failed', round: 1, attempt: 1, code: 'NON_FINITE_RESULT', message: 'too large' },
    ]);
    expect(play.effectsOf('discard-round')).length(1);
    expect(play.effectsOf('wake')).deep.equal([{ type: 'wake', atMs: 1009 }]);
    expect(play.state.committed).equal(0);
  });

  it('waits for nodes after its backoff, without a timer', () => {
    const play = Play.running({}, 'a', 'b').go('a').tick(60_000).tick(61_000);
    expect(play.phase).equal('waiting');
    expect(play.effectsOf('wake')).deep.equal([{ type: 'wake', atMs: null }]);
    expect(play.come('a').attempt).equal(2);
  });

  it('ends the session at its last attempt', () => {
    const play = Play.running({ retry: { firstMs: 10, maxMs: 10, attempts: 2 } }, 'a', 'b');
    play.tick(60_000).tick(60_010).tick(120_010);
    expect(play.state.status).equal('failed');
    expect(play.state.reason).equal(
      'Round 1 failed at its last attempt, number 2: 0 updates arrived within 60000 ms; the quorum is 2.',
    );
    expect(play.state.round).deep.equal({ phase: 'idle' });
    expect(play.effectsOf('discard-round')).deep.equal([{ type: 'discard-round', round: 1, attempt: 2 }]);
    expect(play.announcements().at(-1)).deep.include({ type: 'session-status', status: 'failed' });
    expect(play.effectsOf('wake')).deep.equal([{ type: 'wake', atMs: null }]);
  });

  it('counts attempts by round: a committed round starts afresh', () => {
    const play = Play.running({ retry: { firstMs: 10, maxMs: 10, attempts: 2 } }, 'a', 'b');
    play.tick(60_000).tick(60_010).updates('ab').commit();
    expect([play.number, play.attempt]).deep.equal([2, 1]);
  });

  it('is not failed by the aggregation of another round', () => {
    const play = Play.running({}, 'a', 'b').updates('ab').commit();
    play.send({ type: 'aggregation-failed', round: 1, code: 'INTERNAL', message: '' });
    expect([play.phase, play.number]).deep.equal(['collecting', 2]);
    play.updates('ab').send({ type: 'aggregation-failed', round: 1, code: 'INTERNAL', message: '' });
    expect([play.phase, play.number]).deep.equal(['aggregating', 2]);
  });
});

describe('backoffMs', () => {
  it('doubles with each attempt, up to maxMs', () => {
    const policy = policyWith({ retry: { firstMs: 100, maxMs: 1000, attempts: null } });
    expect([1, 2, 3, 4, 5, 2000].map((attempt) => backoffMs(policy, attempt))).deep.equal([
      100, 200, 400, 800, 1000, 1000,
    ]);
  });
});
