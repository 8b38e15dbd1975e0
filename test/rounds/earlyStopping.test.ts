import { expect } from 'chai';
import type { StopWhen } from '../../src/rounds/policy.js';
import { Play } from './playing.js';

const accuracy: StopWhen = { metric: 'accuracy', goal: 'max', reaches: 0.9, patience: null };
const loss: StopWhen = { metric: 'loss', goal: 'min', reaches: null, patience: 2 };

const started = (stopWhen: StopWhen | null, rounds = 99) => Play.running({ stopWhen, rounds }, 'a', 'b');
const evaluate = (play: Play, round: number, metrics: Record<string, number>) =>
  play.send({ type: 'evaluated', round, metrics });

describe('the end of a session', () => {
  it('comes when all rounds are committed', () => {
    const play = started(null, 2).updates('ab').commit();
    expect(play.state.status).equal('running');
    play.updates('ab').commit({}, { loss: 1 });
    expect(play.state).deep.include({ status: 'completed', committed: 2, round: { phase: 'idle' } });
    expect(play.effects).deep.equal([
      { type: 'announce', event: { type: 'round-committed', round: 2, metrics: { loss: 1 } } },
      {
        type: 'announce',
        event: {
          type: 'session-status',
          status: 'completed',
          reason: 'All of the 2 rounds are committed.',
        },
      },
    ]);
  });

  it('comes when a metric reaches what was asked for', () => {
    const play = started(accuracy).updates('ab').commit({}, { accuracy: 0.89 });
    expect(play.state.status).equal('running');
    play.updates('ab').commit({}, { accuracy: 0.9 });
    expect(play.state).deep.include({ status: 'completed', reason: 'accuracy was 0.9 in round 2.' });
  });

  it('comes downwards where less is better', () => {
    const stopWhen = { ...loss, reaches: 0.1, patience: null };
    const play = started(stopWhen).updates('ab').commit({}, { loss: 0.2 });
    expect(play.state.status).equal('running');
    expect(play.updates('ab').commit({}, { loss: 0.1 }).state.status).equal('completed');
  });

  it('comes when a metric has not improved for `patience` rounds', () => {
    const play = started(loss);
    for (const value of [0.5, 0.4, 0.4]) play.updates('ab').commit({}, { loss: value });
    expect(play.state.status).equal('running');
    play.updates('ab').commit({}, { loss: 0.45 });
    expect(play.state).deep.include({
      status: 'completed',
      reason: 'loss has not improved for 2 rounds: 0.4 in round 2.',
    });
  });

  it('counts a value that is as good as the best as no improvement, upwards too', () => {
    const play = started({ ...accuracy, reaches: null, patience: 2 });
    for (let i = 0; i < 3; i++) play.updates('ab').commit({}, { accuracy: 0.5 });
    expect(play.state.status).equal('completed');
  });

  it('counts from the newest round that was measured, also when an older one is measured late', () => {
    const play = started(loss);
    for (const value of [0.4, 0.5]) play.updates('ab').commit({}, { loss: value });
    evaluate(play, 1, { loss: 0.6 });
    expect(play.state.best).deep.equal({ value: 0.4, round: 1, measured: 2 });
    expect(play.state.status).equal('running');
  });

  it('is not triggered by rounds without an evaluation', () => {
    const play = started(loss).updates('ab').commit();
    evaluate(play, 1, { loss: 0.5 });
    for (let i = 0; i < 4; i++) play.updates('ab').commit();
    expect(play.state.status).equal('running');
    evaluate(play, 2, { loss: 0.6 });
    expect(play.state.status).equal('running');
    expect(evaluate(play, 3, { loss: 0.6 }).state.status).equal('completed');
  });

  it("comes with the nodes' evaluation too, and discards the round that collects", () => {
    const play = started(accuracy).updates('ab').commit().updates('a');
    evaluate(play, 1, { accuracy: 0.95 });
    expect(play.state.status).equal('completed');
    expect(play.announcements()[0]).deep.equal({
      type: 'round-evaluated',
      round: 1,
      metrics: { accuracy: 0.95 },
    });
    expect(play.effectsOf('discard-round')).deep.equal([{ type: 'discard-round', round: 2, attempt: 1 }]);
  });

  it('waits for a round that is being aggregated', () => {
    const play = started(accuracy).updates('ab').commit().updates('ab');
    evaluate(play, 1, { accuracy: 0.95 });
    expect([play.state.status, play.phase]).deep.equal(['running', 'aggregating']);
    play.commit({}, { accuracy: 0.1 });
    expect(play.state).deep.include({
      status: 'completed',
      committed: 2,
      reason: 'accuracy was 0.95 in round 1.',
    });
  });

  it('is not brought about by another metric, by none, or by one that is not a number', () => {
    const play = started({ ...accuracy, metric: 'constructor' });
    play.updates('ab').commit({}, { loss: 1 });
    evaluate(play, 1, { constructor: NaN });
    expect(play.state.best).equal(null);
    expect(play.state.status).equal('running');
  });

  it('is not brought about by the evaluation of a round that is not committed', () => {
    const play = started(accuracy);
    evaluate(play, 1, { accuracy: 1 });
    expect(play.effects).deep.equal([]);
    expect(play.state.status).equal('running');
  });

  it('announces the last round’s evaluation after the end', () => {
    const play = started(null, 1).updates('ab').commit();
    evaluate(play, 1, { accuracy: 0.5 });
    expect(play.effects).length(1);
    expect(play.state.status).equal('completed');
  });

  it('comes at once where the session begins at its last round', () => {
    const play = started(null, 1).updates('ab').commit();
    const again = new Play({ rounds: 1 }, { ...play.state, status: 'created' }).send({ type: 'start' });
    expect(again.state.status).equal('completed');
  });
});
