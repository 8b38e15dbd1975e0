import { expect } from 'chai';
import type { FeedEvent } from '../../src/client/feedEvent.js';
import { createSessionReplica, type SessionReplica } from '../../src/client/sessionReplica.js';
import type { RoundSummary, SessionView } from '../../src/protocol/views.js';
import { expectRefusal } from '../support/refusal.js';

type Phase = RoundSummary['phase'];

/** Of a session as it is at [round, attempt, phase]; the other fields matter to nobody here. */
function viewAt(number: number, attempt: number, phase: Phase, more: Partial<SessionView> = {}): SessionView {
  const round = { number, attempt, phase, asked: null } as unknown as RoundSummary;
  return {
    status: 'running',
    reason: null,
    committed: number - 1,
    nodes: [],
    round,
    ...more,
  } as unknown as SessionView;
}

const opened = (round: number, attempt = 1): FeedEvent => ({
  type: 'round-opened',
  round,
  attempt,
  asked: null,
});
const closed = (round: number): FeedEvent => ({ type: 'round-closed', round });
const failed = (round: number, attempt: number): FeedEvent => ({ type: 'round-failed', round, attempt });
const committed = (round: number): FeedEvent => ({ type: 'round-committed', round });

const openIn = ({ open }: SessionReplica): string => (open ? `${open.number}.${open.attempt}` : 'none');

describe('createSessionReplica', () => {
  let replica: SessionReplica;
  beforeEach(() => {
    replica = createSessionReplica('node-1');
  });

  it('follows a round by its events', () => {
    const course = [opened(1), closed(1), committed(1), opened(2), failed(2, 1), opened(2, 2)].map(
      (event) => {
        replica.applyEvent(event);
        return `${openIn(replica)} after ${replica.committed}`;
      },
    );
    expect(course).deep.equal([
      '1.1 after 0',
      'none after 0',
      'none after 1',
      '2.1 after 1',
      'none after 1',
      '2.2 after 1',
    ]);
  });

  it('ignores events that would lead back', () => {
    replica.applyView(viewAt(3, 2, 'collecting'), replica.version);
    for (const late of [opened(2), opened(3), failed(3, 1), closed(2), committed(2)])
      replica.applyEvent(late);
    expect(openIn(replica)).equal('3.2');
    expect(replica.committed).equal(2);
  });

  it('takes no view that was asked for before the last event', () => {
    const asOf = replica.version;
    replica.applyEvent(opened(2));
    expect(replica.applyView(viewAt(1, 1, 'collecting'), asOf)).equal(false);
    expect(openIn(replica)).equal('2.1');
  });

  it('takes a view that leads back, if nothing was heard since it was asked for', () => {
    replica.applyEvent(opened(2, 3));
    replica.markAnswered(replica.open!);
    expect(replica.applyView(viewAt(2, 1, 'collecting'), replica.version)).equal(true);
    expect([openIn(replica), replica.answered]).deep.equal(['2.1', false]);
  });

  it('keeps that a round is answered until the next attempt', () => {
    replica.applyEvent(opened(1));
    replica.markAnswered(replica.open!);
    replica.applyView(viewAt(1, 1, 'collecting'), replica.version);
    expect(replica.answered).equal(true);
    replica.applyEvent(failed(1, 1));
    replica.applyEvent(opened(1, 2));
    expect(replica.answered).equal(false);
  });

  it('does not take an answer to an attempt for one to the next', () => {
    replica.applyEvent(opened(1));
    const { open } = replica;
    replica.applyEvent(opened(1, 2));
    replica.markAnswered(open!);
    expect(replica.answered).equal(false);
  });

  it('awaits an update until its round is closed or committed, and over a failed attempt', () => {
    const awaited = [opened(4), failed(4, 1), opened(4, 2), closed(4), committed(4)].map((event) => {
      replica.applyEvent(event);
      return replica.awaits(4);
    });
    expect(awaited).deep.equal([true, true, true, false, false]);
  });

  it('reports phases from views and from events alike', () => {
    const phases: Phase[] = ['waiting', 'collecting', 'backing-off', 'aggregating'];
    const seen = phases.map((phase) => {
      replica.applyView(viewAt(5, 1, phase), replica.version);
      return [openIn(replica), replica.awaits(5)];
    });
    expect(seen).deep.equal([
      ['none', true],
      ['5.1', true],
      ['none', true],
      ['none', false],
    ]);
  });

  it('has no open round once the session is over, whatever comes after', () => {
    replica.applyEvent(opened(1));
    replica.applyEvent({ type: 'session-status', status: 'stopped', reason: 'by its owner' });
    replica.applyEvent({ type: 'session-status', status: 'running', reason: null });
    expect([openIn(replica), replica.status, replica.awaits(1)]).deep.equal(['none', 'stopped', false]);
  });

  it('distinguishes its own exclusion from that of others', () => {
    replica.applyEvent({ type: 'node-excluded', node: 'node-2' });
    expect(replica.excluded).equal(false);
    replica.applyEvent({ type: 'node-excluded', node: 'node-1' });
    expect(replica.excluded).equal(true);
  });

  it('resolves a wait at the next change, and rejects it when aborted', async () => {
    const change = replica.change(new AbortController().signal);
    replica.applyEvent(opened(1));
    await change;
    const controller = new AbortController();
    const never = replica.change(controller.signal);
    replica.applyEvent(opened(1)); // nothing new
    controller.abort();
    await expectRefusal(() => never, 'ABORTED');
  });
});
