import { expect } from 'chai';
import { begin } from '../../src/rounds/machine.js';
import { Play } from './playing.js';

describe('begin', () => {
  it('is a created session without effects until it is started', () => {
    const play = new Play({}, begin({ committed: 4 })).come('a', 'b').tick(9);
    expect(play.state).deep.include({ status: 'created', committed: 4, round: { phase: 'idle' } });
    expect(play.all).deep.equal([]);
  });

  it('goes on after the round that its model is of', () => {
    const play = new Play({ rounds: 9 }, begin({ committed: 4 })).come('a', 'b').send({ type: 'start' });
    expect([play.phase, play.number]).deep.equal(['collecting', 5]);
  });
});

describe('start, pause, resume and stop', () => {
  it('announce the new status', () => {
    const play = new Play();
    const status = () => play.announcements();
    expect(play.send({ type: 'start' }) && status()).deep.equal([
      { type: 'session-status', status: 'running', reason: null },
    ]);
    expect(play.send({ type: 'pause' }) && status()).deep.equal([
      { type: 'session-status', status: 'paused', reason: null },
    ]);
    expect(play.send({ type: 'resume' }) && status()).deep.equal([
      { type: 'session-status', status: 'running', reason: null },
    ]);
    expect(play.send({ type: 'stop' }) && status()).deep.equal([
      { type: 'session-status', status: 'stopped', reason: null },
    ]);
  });

  it('change nothing where they mean nothing', () => {
    const created = new Play();
    for (const type of ['pause', 'resume'] as const) expect(created.send({ type }).state).deep.equal(begin());
    const running = Play.running({}, 'a', 'b');
    for (const type of ['start', 'resume'] as const) expect(running.send({ type }).effects).deep.equal([]);
    running.send({ type: 'stop' });
    for (const type of ['start', 'pause', 'resume', 'stop'] as const) {
      expect(running.send({ type }).effects).deep.equal([]);
      expect(running.state.status).equal('stopped');
    }
  });

  it('pause lets the round under way commit, and opens no other until resume', () => {
    const play = Play.running({}, 'a', 'b').updates('a').send({ type: 'pause' }).updates('b');
    expect(play.phase).equal('aggregating');
    play.commit();
    expect([play.state.status, play.phase, play.state.committed]).deep.equal(['paused', 'waiting', 1]);
    play.come('c').tick(1e6);
    expect(play.phase).equal('waiting');
    expect(play.send({ type: 'resume' }).phase).equal('collecting');
  });

  it('pause keeps the deadline of the round under way', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('ab').send({ type: 'pause' }).tick(60_000);
    expect(play.phase).equal('aggregating');
    const failing = Play.running({}, 'a', 'b').send({ type: 'pause' }).tick(60_000).tick(61_000);
    expect([failing.phase, failing.attempt]).deep.equal(['waiting', 2]);
  });

  it('a paused session completes with its last round', () => {
    const play = Play.running({ rounds: 1 }, 'a', 'b').send({ type: 'pause' }).updates('ab').commit();
    expect(play.state.status).equal('completed');
  });

  it('stop discards the round that collects, and its timer', () => {
    const play = Play.running({}, 'a', 'b').updates('a').send({ type: 'stop' });
    expect(play.state.round).deep.equal({ phase: 'idle' });
    expect(play.effects).deep.equal([
      { type: 'discard-round', round: 1, attempt: 1 },
      { type: 'announce', event: { type: 'session-status', status: 'stopped', reason: null } },
      { type: 'wake', atMs: null },
    ]);
  });

  it('stop aborts an aggregation; if its model was already durable, the round counts', () => {
    const stopped = () => Play.running({}, 'a', 'b').updates('ab').send({ type: 'stop' });
    expect(stopped().effectsOf('discard-round')).length(1);

    const tooLate = stopped().commit();
    expect(tooLate.state).deep.include({ status: 'stopped', committed: 1, round: { phase: 'idle' } });
    expect(tooLate.announcements()).deep.equal([{ type: 'round-committed', round: 1, metrics: {} }]);

    const givenUp = stopped().failAggregation();
    expect(givenUp.state).deep.include({ status: 'stopped', committed: 0, round: { phase: 'idle' } });
    expect(givenUp.effects).deep.equal([]);
  });
});

describe('a tick', () => {
  it('that comes too early only reschedules itself', () => {
    const play = Play.running({}, 'a', 'b');
    const before = play.state;
    expect(play.tick(10).effects).deep.equal([{ type: 'wake', atMs: 60_000 }]);
    expect(play.state).equal(before);
  });

  it('that comes late or twice does no harm', () => {
    const play = Play.running({}, 'a', 'b').updates('a').tick(1e6);
    expect(play.phase).equal('backing-off');
    const { state } = play;
    expect(play.tick(1e6).state).equal(state);
    expect(Play.running({}, 'a').tick(5).effects).deep.equal([]);
  });
});

describe('committed', () => {
  it('means nothing for a round whose checkpoint is not being written', () => {
    const play = Play.running({}, 'a', 'b');
    const before = play.state;
    expect(play.commit().state).equal(before);
    play.updates('ab').send({ type: 'committed', round: 1 });
    expect(play.phase).equal('aggregating');
    play.aggregate().send({ type: 'committed', round: 2 });
    expect(play.phase).equal('committing');
  });
});
