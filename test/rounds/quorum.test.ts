import { expect } from 'chai';
import { Play } from './playing.js';

const sample = (size: number) => ({ kind: 'sample', size, seed: 7 }) as const;

describe('opening a round', () => {
  it('waits, without a timer, until a quorum of nodes is there', () => {
    const play = Play.running({}, 'a');
    expect(play.phase).equal('waiting');
    expect(play.effectsOf('wake')).deep.equal([]);
    play.at(5).come('b');
    expect(play.effects).deep.equal([
      { type: 'open-round', round: 1, attempt: 1, asked: null, deadlineAtMs: 60_005 },
      {
        type: 'announce',
        event: { type: 'round-opened', round: 1, attempt: 1, asked: null, deadlineAtMs: 60_005 },
      },
      { type: 'wake', atMs: 60_005 },
    ]);
  });

  it('needs a quorum of nodes for a buffer too', () => {
    const play = Play.running({ mode: { kind: 'buffered', bufferSize: 2, maxStaleness: 1 } }, 'a');
    expect(play.phase).equal('waiting');
    expect(play.come('b').phase).equal('collecting');
  });

  it('does not count nodes that left', () => {
    const play = new Play().come('a', 'b').go('b').send({ type: 'start' });
    expect(play.phase).equal('waiting');
  });
});

describe('closing a round', () => {
  it('comes when all who are there are in, rows in the order of ids', () => {
    const play = Play.running({}, 'b', 'c', 'a').updates('cb');
    expect(play.phase).equal('collecting');
    play.updates('a');
    expect(play.phase).equal('aggregating');
    expect(play.aggregated()).deep.equal(['a', 'b', 'c']);
    expect(play.announcements()).deep.include({ type: 'round-closed', round: 1, updates: 3 });
    expect(play.effectsOf('wake')).deep.equal([{ type: 'wake', atMs: null }]);
  });

  it('waits for a node that comes while the round collects', () => {
    const play = Play.running({}, 'a', 'b').updates('a').come('c').updates('b');
    expect(play.phase).equal('collecting');
    expect(play.updates('c').aggregated()).deep.equal(['a', 'b', 'c']);
  });

  it('comes when the last missing node leaves and the others are a quorum', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('ab').go('c');
    expect(play.aggregated()).deep.equal(['a', 'b']);
  });

  it('comes when the last missing node is removed', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('ab').send({ type: 'node-removed', node: 'c' });
    expect(play.aggregated()).deep.equal(['a', 'b']);
  });

  it('does not come below the quorum, though all who are left are in', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('a').go('b', 'c');
    expect(play.phase).equal('collecting');
    expect(play.come('c').updates('c').aggregated()).deep.equal(['a', 'c']);
  });

  it('keeps what a node sent before it left', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('a').go('a').updates('bc');
    expect(play.aggregated()).deep.equal(['a', 'b', 'c']);
  });

  it('comes at targetUpdates, without those who are missing', () => {
    const play = Play.running({ targetUpdates: 2 }, 'a', 'b', 'c').updates('c');
    expect(play.phase).equal('collecting');
    expect(play.updates('a').aggregated()).deep.equal(['a', 'c']);
  });

  it('waits for targetUpdates though all who are there are in: others may come', () => {
    const play = Play.running({ targetUpdates: 3 }, 'a', 'b').updates('ab');
    expect(play.phase).equal('collecting');
    expect(play.come('c').updates('c').aggregated()).deep.equal(['a', 'b', 'c']);
  });

  it('does not wait for targetUpdates where all of a sample that can answer are in', () => {
    const play = Play.running({ targetUpdates: 3, selection: sample(3) }, 'a', 'b', 'c');
    expect(play.asked).deep.equal(['a', 'b', 'c']);
    expect(play.updates('ab').phase).equal('collecting');
    expect(play.come('d').phase).equal('collecting');
    expect(play.go('c').aggregated()).deep.equal(['a', 'b']);
  });

  it('never comes at targetUpdates below the quorum', () => {
    const play = Play.running({ targetUpdates: 1 }, 'a', 'b', 'c').updates('a');
    expect(play.phase).equal('collecting');
    expect(play.updates('b').phase).equal('aggregating');
  });

  it('comes when a buffer is full, and not before, though all are in', () => {
    const mode = { kind: 'buffered', bufferSize: 3, maxStaleness: 0 } as const;
    const play = Play.running({ mode }, 'a', 'b').updates('ab');
    expect(play.phase).equal('collecting');
    expect(play.come('c').updates('c').aggregated()).deep.equal(['a', 'b', 'c']);
  });

  it('comes at the deadline with a quorum, at the first event that finds it past', () => {
    for (const happening of [{ type: 'tick' }, { type: 'node-present', node: 'd' }] as const) {
      const play = Play.running({}, 'a', 'b', 'c').updates('ac').tick(59_999);
      expect(play.phase).equal('collecting');
      expect(play.at(60_000).send(happening).aggregated()).deep.equal(['a', 'c']);
    }
  });

  it('includes what came before the deadline was noticed', () => {
    const play = Play.running({}, 'a', 'b', 'c').updates('a').at(60_001).updates('b');
    expect(play.effectsOf('accept')).length(1);
    expect(play.aggregated()).deep.equal(['a', 'b']);
  });
});
