import { expect } from 'chai';
import { admit } from '../../src/rounds/machine.js';
import type { AttemptId } from '../../src/rounds/state.js';
import { Play } from './playing.js';

/** What the node is told: the code, or the kind. */
function answer(play: Play, node: string, round: number): string {
  const admission = admit(play.policy, play.state, { node, round });
  if (admission.kind === 'refused') expect(admission.message).match(/^\S.*\.$/);
  return admission.kind === 'refused' ? admission.code : admission.kind;
}

const buffered = { kind: 'buffered', bufferSize: 3, maxStaleness: 1 } as const;

describe('admit', () => {
  it('takes an update for the open round', () => {
    const play = Play.running({}, 'a', 'b');
    expect(admit(play.policy, play.state, { node: 'a', round: 1 })).deep.equal({ kind: 'new', staleness: 0 });
  });

  it('takes the update of a node whose heartbeats are missing', () => {
    expect(answer(Play.running({}, 'a', 'b').go('a'), 'a', 1)).equal('new');
  });

  it('refuses strangers, also by names that every object has', () => {
    const play = Play.running({}, 'a', 'b');
    for (const node of ['z', 'constructor', '__proto__', 'toString']) {
      expect(answer(play, node, 1), node).equal('UNKNOWN_NODE');
    }
  });

  it('finds the update that the round has of the node, while it collects and while it is aggregated', () => {
    const play = Play.running({}, 'a', 'b').updates('a');
    expect(admit(play.policy, play.state, { node: 'a', round: 1 })).deep.include({ kind: 'repeat' });
    play.updates('b');
    expect(play.phase).equal('aggregating');
    expect(answer(play, 'a', 1)).equal('repeat');
    play.aggregate();
    expect(play.phase).equal('committing');
    expect(answer(play, 'a', 1)).equal('repeat');
    expect(answer(play, 'a', 2)).equal('ROUND_NOT_OPEN');
  });

  it('refuses what comes early', () => {
    const created = new Play().come('a', 'b');
    expect(answer(created, 'a', 1)).equal('ROUND_NOT_OPEN');
    const waiting = Play.running({}, 'a');
    expect(answer(waiting, 'a', 1)).equal('ROUND_NOT_OPEN');
    const collecting = Play.running({}, 'a', 'b');
    expect(answer(collecting, 'a', 2)).equal('ROUND_NOT_OPEN');
    const aggregating = Play.running({}, 'a', 'b').updates('ab');
    expect(answer(aggregating, 'a', 2)).equal('ROUND_NOT_OPEN');
    const backingOff = Play.running({}, 'a', 'b').tick(60_000);
    expect(answer(backingOff, 'a', 1)).equal('ROUND_NOT_OPEN');
  });

  it('refuses what comes late', () => {
    const aggregating = Play.running({}, 'a', 'b', 'c').updates('ab').tick(60_000);
    expect(answer(aggregating, 'c', 1)).equal('ROUND_CLOSED');
    const next = aggregating.commit();
    expect([next.phase, next.number]).deep.equal(['collecting', 2]);
    expect(answer(next, 'c', 1)).equal('ROUND_CLOSED');
    expect(answer(next, 'c', 0)).equal('ROUND_CLOSED');
  });

  it('refuses an update that lies in the file of another attempt', () => {
    const play = Play.running({}, 'a', 'b').tick(60_000).tick(61_000);
    const from = (attempt: AttemptId) => admit(play.policy, play.state, { node: 'a', round: 1, attempt });
    expect(from({ number: 1, attempt: 2 })).deep.equal({ kind: 'new', staleness: 0 });
    expect(from({ number: 1, attempt: 1 })).deep.include({ kind: 'refused', code: 'ROUND_CLOSED' });
    expect(from({ number: 2, attempt: 2 })).deep.include({ kind: 'refused', code: 'ROUND_CLOSED' });
  });

  it('refuses all once the session is over', () => {
    expect(answer(Play.running({}, 'a', 'b').send({ type: 'stop' }), 'a', 1)).equal('ROUND_CLOSED');
    expect(answer(Play.running({ rounds: 1 }, 'a', 'b').updates('ab').commit(), 'a', 2)).equal(
      'ROUND_CLOSED',
    );
  });

  it('goes on through a pause for the round under way, and refuses the next', () => {
    const play = Play.running({}, 'a', 'b').updates('a').send({ type: 'pause' });
    expect(answer(play, 'b', 1)).equal('new');
    play.updates('b').commit();
    expect(answer(play, 'b', 2)).equal('ROUND_NOT_OPEN');
  });

  it('refuses who is excluded', () => {
    const play = Play.running({ exclude: { rounds: 1, suspicion: 0.5 } }, 'a', 'b', 'c');
    play.updates('abc').commit({ a: 0.9, b: 0, c: 0 });
    expect(answer(play, 'a', 2)).equal('NODE_EXCLUDED');
  });

  describe('with a buffer', () => {
    /** Round 3 is open; c has sent nothing yet. */
    const third = () =>
      Play.running({ mode: { ...buffered, bufferSize: 2 }, rounds: 9 }, 'a', 'b', 'c')
        .updates('ab')
        .commit()
        .updates('ab')
        .commit();

    it('takes updates from models up to maxStaleness rounds older', () => {
      const play = third();
      expect(play.number).equal(3);
      expect(admit(play.policy, play.state, { node: 'c', round: 3 })).deep.equal({
        kind: 'new',
        staleness: 0,
      });
      expect(admit(play.policy, play.state, { node: 'c', round: 2 })).deep.equal({
        kind: 'new',
        staleness: 1,
      });
      expect(answer(play, 'c', 1)).equal('STALE_UPDATE');
      expect(answer(play, 'c', 4)).equal('ROUND_NOT_OPEN');
    });

    it('takes no update for a round before the first', () => {
      const play = Play.running({ mode: buffered }, 'a', 'b');
      expect(answer(play, 'a', 0)).equal('ROUND_CLOSED');
    });

    it('never takes an update a second time that is in a committed round', () => {
      const play = third();
      for (const round of [1, 2]) {
        const again = play.updates('a', round).effectsOf('refuse')[0];
        expect(again?.code).equal(round === 1 ? 'STALE_UPDATE' : 'ROUND_CLOSED');
        expect(answer(play, 'a', round), 'its record may say more').equal('past');
      }
      play.updates('c', 2).updates('b').commit();
      expect(play.number).equal(4);
      expect(play.state.nodes.c!.trainedFor).equal(2);
      expect(answer(play, 'c', 3)).equal('new');
    });

    it('takes one update of each node: one for another round is no conflict, and no fault of the node', () => {
      const play = third().updates('c', 2);
      expect(answer(play, 'c', 2)).equal('repeat');
      expect(answer(play, 'c', 3)).equal('BUFFER_HAS_UPDATE');
      expect(play.updates('c', 3, 'another').effectsOf('refuse')[0]?.code).equal('BUFFER_HAS_UPDATE');
      expect(play.state.nodes.c!.refused).deep.equal({});
      play.updates('b', 3);
      expect(answer(play.commit(), 'c', 3), 'the next buffer takes it').equal('new');
    });

    it('answers ROUND_CLOSED while the next buffer is not open yet', () => {
      const play = third().updates('ab');
      expect(play.phase).equal('aggregating');
      expect(answer(play, 'c', 3)).equal('ROUND_NOT_OPEN');
      expect(answer(play, 'c', 2)).equal('STALE_UPDATE');
    });
  });
});

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
