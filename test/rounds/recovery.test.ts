import { expect } from 'chai';
import { type Durable, restore } from '../../src/rounds/machine.js';
import type { Policy } from '../../src/rounds/policy.js';
import type { AcceptedUpdate, SessionState } from '../../src/rounds/state.js';
import { Play } from './playing.js';

/** Round 1 is committed, round 2 collects, and has a's update. */
const before = Play.running({}, 'a', 'b', 'c').updates('abc').commit({ a: 0.25 }).updates('a');

const updateOf = (node: string): AcceptedUpdate => ({
  node,
  digest: 'aa',
  numExamples: 10,
  metrics: {},
  staleness: 0,
  responseMs: 5,
});

function restarted(
  durable: Partial<Durable> = {},
  snapshot: SessionState | null = before.state,
  policy: Partial<Policy> = {},
): Play {
  return new Play(
    policy,
    restore(snapshot, { status: 'running', committed: 1, reason: null, nodes: ['a', 'b', 'c'], ...durable }),
  ).at(1000);
}

const file = {
  round: 2,
  attempt: 1,
  asked: null,
  sealed: null,
  durationMs: 60_000,
  elapsedMs: 0,
} as const;
const recover = (play: Play, found: string, changes: object = {}) =>
  play.send({ type: 'recovered', ...file, updates: found.split('').map(updateOf), ...changes });

describe('restore', () => {
  it('keeps what is known of nodes, and takes none for there', () => {
    const { state } = restarted();
    expect(state.nodes.a).deep.equal({ ...before.state.nodes.a, present: false });
    expect(state.nodes.a!.accepted).equal(1);
    expect(Object.values(state.nodes).map(({ present }) => present)).deep.equal([false, false, false]);
    expect(state.round).deep.equal({ phase: 'waiting', number: 2, attempt: 1 });
  });

  it('believes the journal and the checkpoints, not the snapshot', () => {
    const { state } = restarted({ status: 'paused', committed: 2, reason: 'x' });
    expect(state).deep.include({ status: 'paused', committed: 2, reason: 'x' });
    expect(state.round).deep.equal({ phase: 'waiting', number: 3, attempt: 1 });
  });

  it('takes the participating nodes from the journal: with new ones, without removed ones', () => {
    const { nodes } = restarted({ nodes: ['b', 'd'] }).state;
    expect(nodes).have.keys('b', 'd');
    expect(nodes.d).deep.include({ present: false, accepted: 0 });
  });

  it('needs no snapshot', () => {
    expect(restarted({ committed: 0, nodes: [] }, null).state).deep.include({
      committed: 0,
      nodes: {},
      best: null,
      round: { phase: 'waiting', number: 1, attempt: 1 },
    });
  });

  it('has no round in a session that is not under way', () => {
    for (const status of ['created', 'completed', 'stopped', 'failed'] as const) {
      expect(restarted({ status }).state.round).deep.equal({ phase: 'idle' });
    }
  });

  it('goes on with the attempt that the snapshot has', () => {
    const play = Play.running({}, 'a', 'b').tick(60_000).tick(61_000);
    expect(play.attempt).equal(2);
    expect(restarted({ committed: 0 }, play.state).attempt).equal(2);
  });

  it('begins the next round with its first attempt', () => {
    const play = Play.running({}, 'a', 'b').tick(60_000).tick(61_000);
    expect(restarted({ committed: 1 }, play.state)).deep.include({ number: 2, attempt: 1 });
  });

  it('survives a snapshot from JSON', () => {
    const snapshot = JSON.parse(JSON.stringify(before.state)) as SessionState;
    expect(restarted({}, snapshot).state).deep.equal(restarted().state);
  });
});

describe('a session after a restart', () => {
  it('without a file, opens its round once a quorum is heard', () => {
    const play = restarted().send({ type: 'tick' });
    expect(play.effects).deep.equal([]);
    expect(play.come('b').phase).equal('waiting');
    expect(play.come('c').effectsOf('open-round')).length(1);
  });

  it('completes with the first event if its last round was committed', () => {
    const play = restarted({ committed: 3 }).send({ type: 'tick' });
    expect(play.state.status).equal('completed');
    expect(play.announcements()).length(1);
  });

  it('completes with the first event if stopWhen was met', () => {
    const stopWhen = { metric: 'accuracy', goal: 'max', reaches: 0.9, patience: null } as const;
    const met = Play.running({ stopWhen }, 'a', 'b').updates('ab').commit({}, { accuracy: 0.95 });
    const play = restarted({}, met.state, { stopWhen }).send({ type: 'tick' });
    expect(play.state).deep.include({ status: 'completed', reason: 'accuracy was 0.95 in round 1.' });
  });

  it('goes on collecting with what the file holds, and a fresh deadline', () => {
    const play = recover(restarted(), 'a');
    expect(play.state.round).deep.include({
      phase: 'collecting',
      number: 2,
      attempt: 1,
      deadlineAtMs: 61_000,
    });
    expect(play.effects).deep.equal([
      {
        type: 'announce',
        event: { type: 'round-opened', round: 2, attempt: 1, asked: null, deadlineAtMs: 61_000 },
      },
      { type: 'wake', atMs: 61_000 },
    ]);
    expect(play.come('a').updates('a').effectsOf('accept')[0]!.update).deep.equal(updateOf('a'));
  });

  it('goes on with the rest of its time', () => {
    const play = recover(restarted(), 'a', { elapsedMs: 59_000 });
    expect(play.state.round).deep.include({ openedAtMs: 1000 - 59_000, deadlineAtMs: 2000 });
    expect(recover(restarted(), 'ab', { elapsedMs: 60_000 }).aggregated()).deep.equal(['a', 'b']);
    const sealed = recover(restarted(), 'ab', { elapsedMs: 7, sealed: ['a', 'b'] });
    expect(sealed.state.round).deep.include({ phase: 'aggregating', openedAtMs: 993 });
  });

  it('waits for them in the order of their names', () => {
    const play = recover(restarted({ nodes: ['c', 'a', 'b'] }), '');
    expect(play.state.round).deep.include({ awaited: ['a', 'b', 'c'] });
  });

  it('waits for those who were not heard yet, though all who are there are in', () => {
    const play = recover(restarted(), 'ab').come('a', 'b');
    expect(play.phase).equal('collecting');
    expect(play.come('c').phase).equal('collecting');
    expect(play.updates('c').aggregated()).deep.equal(['a', 'b', 'c']);
  });

  it('waits for them no more when they are said to be absent, or removed', () => {
    expect(recover(restarted(), 'ab').come('a', 'b').go('c').aggregated()).deep.equal(['a', 'b']);
    const removal = { type: 'node-removed', node: 'c' } as const;
    expect(recover(restarted(), 'ab').send(removal).aggregated()).deep.equal(['a', 'b']);
    expect(recover(restarted(), 'a').send(removal).state.round).deep.include({ awaited: ['a', 'b'] });
    expect(recover(restarted().come('a'), 'a').state.round).deep.include({ awaited: ['b', 'c'] });
  });

  it('does not wait for who is excluded, who stays so whatever the file holds', () => {
    const policy = { exclude: { rounds: 1, suspicion: 0.5 } };
    const { state } = Play.running(policy, 'a', 'b', 'c').updates('abc').commit({ a: 1 });
    const play = recover(restarted({}, state, policy), 'bc');
    expect(play.aggregated()).deep.equal(['b', 'c']);
    const found = recover(restarted({}, state, policy), 'abc').commit({ a: 0, b: 0, c: 0 });
    expect(found.state).deep.include({ committed: 2 });
    expect(found.state.nodes.a).deep.include({ accepted: 2, excluded: true });
  });

  it('does not wait for nodes that a sample did not ask', () => {
    const play = recover(restarted(), 'a', { asked: ['a', 'b'] })
      .come('a', 'b')
      .updates('b');
    expect(play.aggregated()).deep.equal(['a', 'b']);
  });

  it('keeps acknowledged updates of nodes that are never heard again', () => {
    const play = recover(restarted(), 'ab').tick(61_000);
    expect(play.aggregated()).deep.equal(['a', 'b']);
  });

  it('fails at the deadline below the quorum, with the next attempt after that', () => {
    const play = recover(restarted(), 'a', { attempt: 4 }).come('b', 'c').tick(61_000);
    expect(play.effectsOf('discard-round')).deep.equal([{ type: 'discard-round', round: 2, attempt: 4 }]);
    expect(play.tick(play.atMs + 8000).attempt).equal(5);
  });

  it('aggregates a sealed round again: the sealed updates, no others', () => {
    const play = recover(restarted(), 'abc', { sealed: ['a', 'c'] });
    expect(play.phase).equal('aggregating');
    expect(play.aggregated()).deep.equal(['a', 'c']);
    expect(play.commit().state.committed).equal(2);
  });

  it('tries a sealed round again if one of its updates is not whole', () => {
    const play = recover(restarted(), 'ab', { sealed: ['a', 'b', 'c'] });
    expect(play.phase).equal('backing-off');
    expect(play.announcements()[0]).deep.include({
      code: 'CORRUPT_FILE',
      message: 'The updates of c are not whole any more.',
    });
    expect(play.effectsOf('discard-round')).length(1);
  });

  it('lets a recovered round go on while it is paused', () => {
    const play = recover(restarted({ status: 'paused' }), 'a')
      .come('a', 'b', 'c')
      .updates('bc')
      .commit();
    expect([play.state.status, play.phase, play.state.committed]).deep.equal(['paused', 'waiting', 2]);
  });

  it('discards a file that is not of the next round, or of a session that is not under way', () => {
    const discarded = (play: Play) => play.effectsOf('discard-round').map(({ round }) => round);
    expect(discarded(recover(restarted(), 'a', { round: 1 }))).deep.equal([1]);
    expect(discarded(recover(restarted({ status: 'stopped' }), 'a'))).deep.equal([2]);
    expect(discarded(recover(restarted({ status: 'created' }), 'a'))).deep.equal([2]);
    const later = restarted({}, { ...before.state, round: { phase: 'waiting', number: 2, attempt: 3 } });
    expect(discarded(recover(later, 'a', { attempt: 2 }))).deep.equal([2]);
  });

  it('never discards the round that is under way', () => {
    const play = recover(restarted(), 'a');
    const { state } = play;
    expect(recover(play, 'b').effects).deep.equal([]);
    expect(play.state).equal(state);
  });
});
