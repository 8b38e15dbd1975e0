/**
 * One life of a session, with a coordinator that crashes, and time that stands still or jumps. After each event the
 * promises of rounds are checked against a second, simpler account of them.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import type { Policy } from '../../src/rounds/policy.js';
import { admit, begin, restore, step } from '../../src/rounds/machine.js';
import {
  type AcceptedUpdate,
  type Announcement,
  type Effect,
  holdsUpdates,
  type SessionEvent,
  type SessionState,
  type Step,
} from '../../src/rounds/state.js';
import { type Command, names } from './arbitraries.js';
import { frozen, type Happening } from './playing.js';
import type { RoundHeader } from '../../src/store/store.js';

/** The file of a round, as far as the rounds know it. */
interface LifeFile extends Pick<RoundHeader, 'round' | 'attempt' | 'asked' | 'openedAtMs' | 'durationMs'> {
  sealed: string[] | null;
}

/** A coordinator that does as the effects say, keeps files as a store does, and watches. */
export class Life {
  readonly policy: Policy;
  state: SessionState = frozen(begin());
  atMs = 1000;
  /** The timer that is set. */
  timerMs: number | null = null;
  /** The file of the round under way. */
  file: LifeFile | null = null;
  stored = new Map<string, AcceptedUpdate>();
  isDoomed = false;
  /** Since the newest restart: before it, an attempt that failed has left nothing durable. */
  readonly opened = new Set<string>();
  /** Node and round trained for, of all committed updates of nodes that were not removed. */
  readonly counted = new Set<string>();
  /** As the newest checkpoint has it. */
  snapshot: SessionState | null = null;
  /** The checkpoint that is being written, and how many announcements there were when this began. */
  writing: (Extract<Effect, { type: 'write-checkpoint' }> & { isDurable: boolean; from: number }) | null =
    null;
  /** As the event log has them. */
  readonly announced: Announcement[] = [];
  /** Since the newest restart, with the state that it began with. */
  log: SessionEvent[] = [];
  logged: Effect[] = [];
  readonly all: Effect[] = [];
  /** What restarts have found. */
  readonly found: string[] = [];
  origin: SessionState = this.state;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  get number(): number {
    return this.state.round.phase === 'idle' ? this.state.committed + 1 : this.state.round.number;
  }

  send(happening: Happening): Step {
    const event = frozen({ ...happening, atMs: this.atMs });
    const before = this.state;
    const next = frozen(step(this.policy, before, event));
    this.state = next.state;
    this.log.push(event);
    this.logged.push(...next.effects);
    this.all.push(...next.effects);

    // Any tick may be the timer's.
    if (event.type === 'tick') this.timerMs = null;
    for (const effect of next.effects) this.run(effect, before);
    this.check(before, event, next);
    return next;
  }

  run(effect: Effect, before: SessionState): void {
    switch (effect.type) {
      case 'open-round':
        expect(this.file, 'a round opens where no file is').equal(null);
        expect(this.opened.has(`${effect.round} ${effect.attempt}`), 'no attempt opens twice').equal(false);
        this.opened.add(`${effect.round} ${effect.attempt}`);
        this.file = {
          round: effect.round,
          attempt: effect.attempt,
          asked: effect.asked,
          sealed: null,
          openedAtMs: this.atMs,
          durationMs: effect.deadlineAtMs - this.atMs,
        };
        break;
      case 'accept':
        this.accept(effect.update, before);
        break;
      case 'aggregate':
        expect(effect.updates.map(({ node }) => node)).deep.equal([...this.stored.keys()].sort());
        expect(effect.updates).deep.equal(effect.updates.map(({ node }) => this.stored.get(node)));
        expect(effect.updates.length).least(this.policy.quorum);
        expect([this.file?.round, this.file?.sealed ?? null]).deep.equal([effect.round, null]);
        this.file!.sealed = effect.updates.map(({ node }) => node);
        break;
      case 'discard-round':
        if (this.file?.round !== effect.round || this.file.attempt !== effect.attempt) break;
        // An aggregation that is canceled has its file until the outcome is known.
        if (holdsUpdates(this.state.round)) this.isDoomed = true;
        else this.removeFile();
        break;
      case 'write-checkpoint':
        expect(effect.state.committed, 'the state after the commit').equal(effect.round);
        expect(effect.state.round.phase, 'no round is open by then').oneOf(['idle', 'waiting']);
        this.writing = { ...effect, isDurable: false, from: this.announced.length };
        break;
      case 'wake':
        this.timerMs = effect.atMs;
        if (effect.atMs !== null) expect(effect.atMs, 'a wake is never in the past').above(this.atMs);
        break;
      case 'announce':
        this.announced.push(effect.event);
        break;
      case 'refuse':
        break;
    }
  }

  removeFile(): void {
    [this.file, this.stored, this.isDoomed] = [null, new Map<string, AcceptedUpdate>(), false];
  }

  accept(update: AcceptedUpdate, before: SessionState): void {
    const first = this.stored.get(update.node);
    if (first !== undefined) {
      expect(update, 'the answer is as before').deep.equal(first);
      return;
    }
    expect(before.round.phase, 'nothing is accepted while no round collects').equal('collecting');
    expect(this.file!.asked?.includes(update.node) ?? true, 'who is accepted was asked').equal(true);
    expect(Object.hasOwn(before.nodes, update.node) && before.nodes[update.node]!.excluded).equal(false);
    expect(this.counted.has(this.trained(update)), 'no update counts twice').equal(false);
    this.stored.set(update.node, update);
  }

  trained = ({ node, staleness }: AcceptedUpdate): string => `${node} ${this.file!.round - staleness}`;

  check(before: SessionState, event: SessionEvent, { state }: Step): void {
    const isCommit =
      event.type === 'committed' &&
      before.round.phase === 'committing' &&
      before.round.number === event.round;
    expect(state.committed - before.committed).equal(isCommit ? 1 : 0);
    expect(isDeepStrictEqual(JSON.parse(JSON.stringify(state)), state), 'JSON holds it').equal(true);
    this.checkRound(state);
    this.checkPending(state);
  }

  /** What is acknowledged is in the round, or its round is no more. */
  checkRound({ round }: SessionState): void {
    if (holdsUpdates(round)) {
      expect(isDeepStrictEqual(round.accepted, Object.fromEntries(this.stored))).equal(true);
      if (round.phase === 'collecting' && round.asked !== null) {
        for (const node of Object.keys(round.accepted)) expect(round.asked).include(node);
      }
    } else {
      if (this.isDoomed) this.removeFile();
      expect(this.stored.size, 'no acknowledged update is forgotten').equal(0);
    }
  }

  /** Something will happen by itself, or too few nodes are there, or the session does not run. */
  checkPending({ status, round, nodes }: SessionState): void {
    const timed =
      round.phase === 'collecting'
        ? round.deadlineAtMs
        : round.phase === 'backing-off'
          ? round.untilMs
          : null;
    expect(this.timerMs, `the timer while ${round.phase}`).equal(timed);
    if (timed !== null) expect(timed).above(this.atMs);
    if (status === 'running') {
      expect(round.phase).not.equal('idle');
      const there = Object.values(nodes).filter(({ present, excluded }) => present && !excluded).length;
      if (round.phase === 'waiting') expect(there).below(this.policy.quorum);
    } else if (status !== 'paused') {
      expect(round.phase).oneOf(['idle', 'aggregating', 'committing']);
    }
  }

  aggregate(number: number, value: number): void {
    const updates = [...this.stored.values()];
    const judgments = updates.map(({ node }) => ({ node, used: true, suspicion: node === 'a' ? value : 0 }));
    this.send({ type: 'aggregated', round: number, judgments, metrics: { loss: value } });
  }

  /** The checkpoint that is being written is durable from now on. */
  write(): void {
    if (!this.writing || this.writing.isDurable) return;
    this.writing.isDurable = true;
    this.snapshot = this.writing.state;
    this.count(this.snapshot);
  }

  /** The updates of a committed round, of the nodes that the state has. */
  count({ nodes }: SessionState): void {
    for (const update of this.stored.values()) {
      if (Object.hasOwn(nodes, update.node)) this.counted.add(this.trained(update));
    }
  }

  commit(number: number): void {
    if (this.state.round.phase === 'committing' && number === this.number) {
      this.write();
      this.count(this.state);
      this.removeFile();
      this.writing = null;
    }
    this.send({ type: 'committed', round: number });
  }

  /** A checkpoint that is durable does not fail. */
  fail(number: number): void {
    if (this.writing?.isDurable) return;
    this.writing = null;
    this.send({ type: 'aggregation-failed', round: number, code: 'INTERNAL', message: '' });
  }

  /** All that is not durable is gone. */
  restart(): void {
    const { status, reason } = this.state;
    const committed = this.snapshot?.committed ?? 0;
    const nodes = Object.keys(this.state.nodes);
    const snapshot = JSON.parse(JSON.stringify(this.snapshot)) as SessionState | null;
    this.state = frozen(restore(snapshot, { status, reason, committed, nodes }));
    [this.origin, this.log, this.logged, this.timerMs] = [this.state, [], [], null];
    this.opened.clear();
    if (this.writing?.isDurable) {
      this.found.push('a commit');
      this.removeFile();
      expect(this.announced.slice(this.writing.from)).not.deep.include(this.writing.announcements[0]);
      const made = this.writing.announcements.filter(
        (event) => event.type !== 'session-status' || event.status === this.state.status,
      );
      this.announced.push(...made);
    }
    this.writing = null;
    if (this.file === null) {
      this.send({ type: 'tick' });
      return;
    }
    const { sealed, openedAtMs, ...file } = this.file;
    const updates = [...this.stored.values()];
    this.found.push(sealed === null ? (updates.length > 0 ? 'some updates' : 'none') : 'a seal');
    this.file = { ...file, openedAtMs, sealed: null };
    const elapsedMs = Math.min(file.durationMs, this.atMs - openedAtMs);
    this.send({ type: 'recovered', ...file, elapsedMs, sealed, updates });
    const isUnderWay = status === 'running' || status === 'paused';
    if (sealed !== null && isUnderWay) expect(this.state.round.phase).equal('aggregating');
  }

  obey(command: Command): void {
    switch (command.do) {
      case 'start':
      case 'pause':
      case 'resume':
      case 'stop':
      case 'tick':
        this.send({ type: command.do });
        break;
      case 'timer':
        if (this.timerMs === null) break;
        this.atMs = Math.max(this.atMs, this.timerMs);
        this.send({ type: 'tick' });
        break;
      case 'restart':
        this.restart();
        break;
      case 'come':
        this.send({ type: 'node-present', node: command.node });
        break;
      case 'go':
        this.send({ type: 'node-absent', node: command.node });
        break;
      case 'remove':
        for (const key of this.counted) if (key.startsWith(`${command.node} `)) this.counted.delete(key);
        this.send({ type: 'node-removed', node: command.node });
        break;
      case 'reject':
        this.send({ type: 'update-refused', node: command.node, code: 'NON_FINITE' });
        break;
      case 'update':
        this.update(command.node, this.number - command.behind, command.digest);
        break;
      case 'aggregate':
        this.aggregate(this.number - command.behind, command.value);
        break;
      case 'write':
        this.write();
        break;
      case 'commit':
        this.aggregate(this.number - command.behind, command.value);
        this.commit(this.number - command.behind);
        break;
      case 'interrupt': // between the checkpoint and its announcements
        this.aggregate(this.number - command.behind, command.value);
        this.write();
        this.restart();
        break;
      case 'fail':
        this.fail(this.number - command.behind);
        break;
      case 'evaluate':
        this.send({
          type: 'evaluated',
          round: this.number - 1 - command.behind,
          metrics: { loss: command.value },
        });
        break;
      case 'recover': {
        // One that is not of this store: what is under way must survive it.
        if (this.state.round.phase === 'waiting') break;
        const { attempt } = command;
        const round = this.number - command.behind;
        if (this.file?.round === round && this.file.attempt === attempt) break;
        const file = { round, attempt, asked: null, durationMs: 1000, elapsedMs: 0 };
        this.send({ type: 'recovered', ...file, sealed: null, updates: [] });
        break;
      }
    }
  }

  /** What admission says beforehand is what happens. */
  update(node: string, round: number, digest: string): void {
    const { round: open } = this.state;
    const attempt =
      open.phase === 'idle' ? { number: 0, attempt: 0 } : { number: open.number, attempt: open.attempt };
    const admission = admit(this.policy, this.state, { node, round, attempt });
    const update = { node, digest, numExamples: null, metrics: {} };
    const { effects } = this.send({ type: 'update-stored', round, attempt, update });
    const [answer] = effects.filter(({ type }) => type === 'accept' || type === 'refuse');
    if (admission.kind === 'refused' || admission.kind === 'past') {
      expect(answer).deep.include({ type: 'refuse', code: admission.code });
    }
    if (admission.kind === 'new') expect(answer!.type).equal('accept');
    if (admission.kind === 'repeat') {
      expect(answer!.type).equal(admission.update.digest === digest ? 'accept' : 'refuse');
    }
  }

  /** Each commit was announced once, in order; and the session's end at most once. */
  checkAnnounced(): void {
    const committed = this.announced.flatMap((event) =>
      event.type === 'round-committed' ? [event.round] : [],
    );
    expect(committed).deep.equal(Array.from({ length: this.state.committed }, (_, i) => i + 1));
    const ends = this.announced.filter(
      (event) => event.type === 'session-status' && ['completed', 'stopped', 'failed'].includes(event.status),
    );
    expect(ends.length, 'one end').equal(
      ['created', 'running', 'paused'].includes(this.state.status) ? 0 : 1,
    );
  }

  /** From now on all goes well. The session must come to its end, unless too few nodes may take part. */
  finish(): void {
    if (this.state.status === 'created') this.send({ type: 'start' });
    if (this.state.status === 'paused') this.send({ type: 'resume' });
    for (const node of names) this.send({ type: 'node-present', node });
    for (let steps = 0; steps < 500; steps++) {
      const { round, nodes } = this.state;
      if (this.state.status !== 'running' || round.phase === 'waiting') return;
      if (round.phase === 'aggregating') this.aggregate(round.number, 0.5);
      else if (round.phase === 'committing') this.commit(round.number);
      else if (round.phase === 'collecting') {
        const next = names.find(
          (node) =>
            !Object.hasOwn(round.accepted, node) &&
            !nodes[node]!.excluded &&
            (round.asked?.includes(node) ?? true),
        );
        if (next === undefined) this.obey({ do: 'timer' });
        else this.update(next, round.number, 'x');
      } else this.obey({ do: 'timer' });
    }
    expect.fail('the session goes on and on');
  }
}

export function lived(policy: Policy, commands: readonly (readonly [number, Command])[]): Life {
  const life = new Life(policy);
  for (const [waitMs, command] of commands) {
    life.atMs += waitMs;
    life.obey(command);
  }
  life.checkAnnounced();
  return life;
}
