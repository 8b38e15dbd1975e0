import { expect } from 'chai';
import { admit, restore } from '../../src/rounds/machine.js';
import { Play } from './playing.js';

/** A round whose checkpoint is being written. */
const committing = (policy: ConstructorParameters<typeof Play>[0] = {}, ...nodes: string[]) =>
  Play.running({ targetUpdates: 2, ...policy }, 'a', 'b', ...nodes)
    .updates('ab')
    .aggregate({ a: 1, b: 0 }, { loss: 0.5 });

const announced = { type: 'round-committed', round: 1, metrics: { loss: 0.5 } } as const;

describe('aggregated', () => {
  it('requests a checkpoint with the state after the commit, and announces nothing', () => {
    const play = committing();
    const [write, ...others] = play.effects;
    expect(others).deep.equal([]);
    expect(write).deep.include({ type: 'write-checkpoint', round: 1, announcements: [announced] });
    const { state } = play.effectsOf('write-checkpoint')[0]!;
    expect(state).deep.include({ committed: 1, round: { phase: 'waiting', number: 2, attempt: 1 } });
    expect(state.nodes.a).deep.include({ accepted: 1, lastRound: 1, lastSuspicion: 1 });
    expect(play.state).deep.include({ committed: 0 });
    expect(play.state.nodes.a).deep.include({ accepted: 0, lastRound: null });
  });

  it('means nothing for a round that is not being aggregated', () => {
    const play = committing();
    const { state } = play;
    expect(play.aggregate().state).equal(state);
    const early = Play.running({}, 'a', 'b').updates('a');
    expect(early.aggregate().phase).equal('collecting');
  });

  it('writes the end of the session into the checkpoint, after those whom it excludes', () => {
    const play = committing({ rounds: 1, exclude: { rounds: 1, suspicion: 0.5 } });
    const { state, announcements } = play.effectsOf('write-checkpoint')[0]!;
    expect(state).deep.include({ status: 'completed', committed: 1, round: { phase: 'idle' } });
    expect(announcements.map(({ type }) => type)).deep.equal([
      'round-committed',
      'node-excluded',
      'session-status',
    ]);
    expect(play.state.status).equal('running');
    expect(play.commit().announcements()).deep.equal(announcements);
    expect(play.state).deep.equal({ ...state });
  });
});

describe('a round that is being committed', () => {
  it('keeps what happens meanwhile, beside what the commit brings', () => {
    const play = committing({}, 'c').come('d').go('b').send({ type: 'node-removed', node: 'c' });
    play.send({ type: 'update-refused', node: 'a', code: 'NON_FINITE' }).send({ type: 'pause' });
    play.commit();
    expect(play.announcements()).deep.equal([announced]);
    expect(play.state).deep.include({ status: 'paused', committed: 1 });
    expect(Object.keys(play.state.nodes)).have.members(['a', 'b', 'd']);
    expect(play.state.nodes.a).deep.include({ accepted: 1, refused: { NON_FINITE: 1 } });
    expect(play.state.nodes.b).deep.include({ accepted: 1, present: false });
  });

  it('announces what the checkpoint says, also of a node that was removed meanwhile', () => {
    const play = committing({ exclude: { rounds: 1, suspicion: 0.5 } }, 'c');
    const { announcements } = play.effectsOf('write-checkpoint')[0]!;
    play.send({ type: 'node-removed', node: 'a' }).commit();
    expect(play.announcements().slice(0, 2)).deep.equal(announcements);
    expect(play.state.nodes.a).equal(undefined);
  });

  it('counts when the session is stopped meanwhile, which stays stopped', () => {
    const play = committing({ rounds: 1 }).send({ type: 'stop' });
    expect(play.effectsOf('discard-round')).length(1);
    expect([play.state.status, play.phase]).deep.equal(['stopped', 'committing']);
    play.commit();
    expect(play.announcements()).deep.equal([announced]);
    expect(play.state).deep.include({ status: 'stopped', committed: 1, round: { phase: 'idle' } });
  });

  it('fails where its checkpoint can’t be written, as if it had never been aggregated', () => {
    const play = committing().failAggregation();
    expect([play.phase, play.state.committed]).deep.equal(['backing-off', 0]);
    expect(play.state.nodes.a).deep.include({ accepted: 0 });
    expect(play.announcements()).deep.include.members([
      { type: 'round-failed', round: 1, attempt: 1, code: 'NON_FINITE_RESULT', message: 'too large' },
    ]);
    const stopped = committing().send({ type: 'stop' }).failAggregation();
    expect(stopped.state).deep.include({ status: 'stopped', committed: 0, round: { phase: 'idle' } });
  });

  it('takes no updates, and recognizes the ones it has', () => {
    const { policy, state } = committing({}, 'c');
    expect(admit(policy, state, { node: 'a', round: 1 })).deep.include({ kind: 'repeat' });
    expect(admit(policy, state, { node: 'a', round: 2 })).deep.include({ code: 'ROUND_NOT_OPEN' });
  });

  it('waits for no time', () => {
    const play = committing();
    const { state } = play;
    expect(play.tick(1e9).state).equal(state);
    expect(play.effects).deep.equal([]);
  });
});

describe('restore', () => {
  const snapshot = committing({ rounds: 1 }).effectsOf('write-checkpoint')[0]!.state;
  const nodes = ['a', 'b'];

  it('learns from the checkpoint that the session ended before the journal has it', () => {
    for (const status of ['running', 'paused'] as const) {
      const state = restore(snapshot, { status, reason: null, committed: 1, nodes });
      expect(state).deep.include({ status: 'completed', reason: snapshot.reason, round: { phase: 'idle' } });
      expect(state.reason).contain('All of the 1 rounds');
    }
  });

  it('keeps a stop that the journal has, though the checkpoint would have completed the session', () => {
    const state = restore(snapshot, { status: 'stopped', reason: null, committed: 1, nodes });
    expect(state).deep.include({ status: 'stopped', reason: null, committed: 1 });
  });
});
