/** The state machine of a system: what starts when, what is restarted, what stops in which order. */
import { expect } from 'chai';
import { aComponent, checked, Play } from '../../support/orchestrator/play.js';

describe('a system that starts', () => {
  it('starts each component once all that it depends on are up, and independent ones at once', () => {
    const play = new Play([
      checked('a'),
      aComponent('b'),
      aComponent('c', { dependsOn: ['a', 'b'] }),
      aComponent('d', { dependsOn: ['c'] }),
    ]).tick();
    expect(play.did()).deep.equal(['start a', 'start b']);
    expect(play.started('a', 'b').did()).deep.equal(['check a']);
    expect(play.passesCheck('a').did()).deep.equal(['start c']);
    expect(play.started('c').did()).deep.equal(['start d']);
  });

  it('checks again soon while a component comes up, and at its interval afterwards', () => {
    const play = new Play([checked('a', { intervalMs: 30_000 })]).tick().started('a');
    expect(play.did()).deep.equal(['start a', 'check a']);
    expect(play.nextMs).equal(10_000); // a check is under way: only the deadline counts
    expect(play.failsCheck('a').phaseOf('a')).equal('starting');
    expect(play.after(199).did()).deep.equal([]);
    expect(play.after(1).did()).deep.equal(['check a']);
    expect(play.passesCheck('a').phaseOf('a')).equal('running');
    expect(play.after(29_999).did()).deep.equal([]);
    expect(play.after(1).did()).deep.equal(['check a']);
  });

  it('restarts a component that is not up by its deadline', () => {
    const play = new Play([checked('a')]).tick().started('a');
    play.did();
    play.failsCheck('a').after(9_999);
    expect(play.phaseOf('a')).equal('starting');
    expect(play.after(1).phaseOf('a')).equal('stopping');
    expect(play.did()).include('SIGTERM a');
    play.ended('a', 0);
    expect(play.state.components.a!.phase).deep.include({
      name: 'backing-off',
      reason: 'not up within 10 s: no answer',
    });
  });

  it('takes a task as up once it has ended with 0, and tries it again if it does not', () => {
    const task = aComponent('task', { upWhen: 'done', restart: 'on-failure' });
    const play = new Play([task, aComponent('a', { dependsOn: ['task'] })]).tick();
    play.started('task').ended('task', 1);
    expect(play.did()).deep.equal(['start task']);
    play.after(100).started('task').ended('task', 0);
    expect(play.did()).deep.equal(['start task', 'start a']);
    expect(play.phaseOf('task')).equal('completed');
  });

  it('cancels dependents of a failed component, except one that already runs', () => {
    const restarts = { max: 0, windowMs: 1000, firstMs: 100, maxMs: 100 };
    const play = new Play([
      aComponent('a', { restarts }),
      aComponent('runs', { dependsOn: ['a'] }),
      checked('slow'),
      aComponent('waits', { dependsOn: ['a', 'slow'] }),
      aComponent('further', { dependsOn: ['waits'] }),
    ]).tick();
    play.started('a', 'runs', 'slow').ended('a');
    expect(['a', 'runs', 'waits', 'further'].map((name) => play.phaseOf(name))).deep.equal([
      'failed',
      'running',
      'failed',
      'failed',
    ]);
    expect(play.state.components.further!.phase).deep.include({ reason: 'its dependency waits failed' });
    expect(play.state.phase).equal('running');
  });

  it('takes no word of an earlier process for one of the present', () => {
    const play = new Play([checked('a')]).tick().started('a').passesCheck('a').ended('a');
    play.after(1000).started('a').did();
    const stale = { type: 'component', component: 'a', run: 1 } as const;
    play.dispatch({ ...stale, event: { type: 'checked', error: null } });
    play.dispatch({ ...stale, event: { type: 'exited', exit: { code: 0, signal: null, message: null } } });
    expect(play.phaseOf('a')).equal('starting');
    expect(play.state.components.a!.restarts).equal(1);
  });
});

describe('a component that runs', () => {
  it('is restarted once so many checks one after the other have failed', () => {
    const play = new Play([checked('a', { failures: 2 })]).tick().started('a').passesCheck('a');
    play.after(30_000).failsCheck('a').after(30_000).passesCheck('a').after(30_000).failsCheck('a');
    expect(play.phaseOf('a')).equal('running');
    play.did();
    play.after(30_000).failsCheck('a');
    expect(play.did()).deep.equal(['check a', 'SIGTERM a']);
    expect(play.after(999).did()).deep.equal([]);
    expect(play.after(1).did()).deep.equal(['SIGKILL a']);
    expect(play.ended('a', 0).phaseOf('a')).equal('backing-off');
    expect(play.after(100).did()).deep.equal(['start a']);
  });

  for (const [restart, code, is] of [
    ['always', 0, 'backing-off'],
    ['always', 1, 'backing-off'],
    ['on-failure', 0, 'completed'],
    ['on-failure', 1, 'backing-off'],
    ['never', 0, 'completed'],
    ['never', 1, 'failed'],
  ] as const) {
    it(`is ${is} after it ended with ${code}, if it is to be restarted ${restart}`, () => {
      const play = new Play([aComponent('a', { restart }), aComponent('b')]).tick();
      play.started('a', 'b').ended('a', code);
      expect(play.phaseOf('a')).equal(is);
    });
  }

  it('has not completed if it was ended reason it did not answer, whatever it says', () => {
    const play = new Play([checked('a', { restart: 'on-failure', failures: 1 }), aComponent('b')]).tick();
    play.started('a', 'b').passesCheck('a').after(30_000).failsCheck('a');
    expect(play.ended('a', 0).phaseOf('a')).equal('backing-off');
  });

  it('waits twice as long before each further restart, up to a bound, less a random part', () => {
    const bounds = { max: 10, windowMs: 600_000, firstMs: 100, maxMs: 1000 };
    for (const [random, waits] of [
      [0, [50, 100, 200, 400, 500, 500]],
      [0.5, [75, 150, 300, 600, 750, 750]],
    ] as const) {
      const play = new Play([aComponent('a', { restarts: bounds })]).tick();
      play.random = random;
      for (const wait of waits) {
        play.started('a').ended('a').did();
        expect(play.nextMs).equal(wait);
        expect(play.after(wait).did()).deep.equal(['start a']);
      }
    }
  });

  it('fails at one restart too many within the window, and not if they are spread wider', () => {
    const restarts = { max: 2, windowMs: 10_000, firstMs: 100, maxMs: 100 };
    const dies = (play: Play, afterMs: number): string =>
      play.started('a').after(afterMs).ended('a').phaseOf('a');
    const fast = new Play([aComponent('a', { restarts }), aComponent('b')]).tick();
    expect(dies(fast, 100)).equal('backing-off');
    expect(dies(fast.after(100), 100)).equal('backing-off');
    expect(dies(fast.after(100), 100)).equal('failed');
    expect(fast.state.components.a!.restarts).equal(2);

    const slow = new Play([aComponent('a', { restarts }), aComponent('b')]).tick();
    for (let death = 0; death < 20; death++) expect(dies(slow.after(100), 5_000)).equal('backing-off');
  });
});

describe('a system that ends', () => {
  const chain = [
    aComponent('a'),
    aComponent('b', { dependsOn: ['a'] }),
    aComponent('c', { dependsOn: ['b'] }),
    aComponent('free'),
  ];

  it('stops each once all that depend on it have ended, and kills at the deadline', () => {
    const play = new Play(chain).tick().started('a', 'b', 'c', 'free');
    play.did();
    play.dispatch({ type: 'stop' });
    expect(play.did()).deep.equal(['SIGTERM free', 'SIGTERM c']);
    expect(play.ended('c', 0).did()).deep.equal(['SIGTERM b']);
    expect(play.after(1000).did()).deep.equal(['SIGKILL free', 'SIGKILL b']);
    play.ended('free').ended('b');
    expect(play.did()).deep.equal(['SIGTERM a']);
    expect(play.outcome).equal(null);
    expect(play.ended('a', 0).outcome).equal('stopped');
    expect(play.nextMs).equal(null);
  });

  it('waits for what needs a component through one that is over', () => {
    const task = aComponent('task', { upWhen: 'done', dependsOn: ['a'] });
    const play = new Play([aComponent('a'), task, aComponent('b', { dependsOn: ['task'] })]).tick();
    play.started('a', 'task').ended('task', 0).started('b').did();
    play.dispatch({ type: 'stop' });
    expect(play.did()).deep.equal(['SIGTERM b']);
    expect(play.ended('b', 0).did()).deep.equal(['SIGTERM a']);
  });

  it('starts nothing any more, and forgets what waits for a restart', () => {
    const play = new Play([
      aComponent('a'),
      checked('slow'),
      aComponent('b', { dependsOn: ['slow'] }),
    ]).tick();
    play.started('a', 'slow').ended('a').did();
    play.dispatch({ type: 'stop' });
    expect(play.did()).deep.equal(['SIGTERM slow']);
    expect([play.phaseOf('a'), play.phaseOf('b')]).deep.equal(['stopped', 'stopped']);
    expect(play.passesCheck('slow').did()).deep.equal([]);
    expect(play.ended('slow', 0).outcome).equal('stopped');
  });

  it('takes the death of what is still needed as its end, not as a failure', () => {
    const never = aComponent('a', { restart: 'never' });
    const play = new Play([never, aComponent('b', { dependsOn: ['a'] })]).tick().started('a', 'b');
    play.dispatch({ type: 'stop' });
    expect(play.ended('a', 1).phaseOf('a')).equal('stopped');
    expect(play.ended('b', 0).outcome).equal('stopped');
  });

  it('kills all at once when it is killed', () => {
    const play = new Play(chain).tick().started('a', 'b', 'c', 'free');
    play.dispatch({ type: 'stop' });
    play.did();
    play.dispatch({ type: 'kill' });
    expect(play.did().filter((done) => done.startsWith('SIGKILL'))).deep.equal([
      'SIGKILL free',
      'SIGKILL c',
      'SIGKILL b',
      'SIGKILL a',
    ]);
    for (const name of ['a', 'b', 'c', 'free']) play.ended(name);
    expect(play.outcome).equal('stopped');
  });

  it('ends once everything that may complete has ended, but not for tasks alone', () => {
    const task = aComponent('task', { upWhen: 'done', restart: 'on-failure' });
    const node = (name: string) => aComponent(name, { restart: 'on-failure' });
    const play = new Play([aComponent('server'), task, node('one'), node('two')]).tick();
    play.started('server', 'task', 'one', 'two').ended('task', 0).ended('one', 0).did();
    expect(play.state.phase).equal('running');
    expect(play.ended('two', 0).did()).deep.equal(['SIGTERM server']);
    expect(play.ended('server', 0).outcome).equal('completed');

    const stays = new Play([aComponent('server'), task]).tick().started('server', 'task').ended('task', 0);
    expect(stays.state.phase).equal('running');
    const persistent = new Play([aComponent('server'), node('one')], false).tick().started('server', 'one');
    expect(persistent.ended('one', 0).state.phase).equal('running');
  });

  it('says what failed: something that was up, or something that never was', () => {
    const worker = (more = {}) => checked('a', { restart: 'never', ...more });
    const degraded = new Play([worker(), aComponent('b')])
      .tick()
      .started('a', 'b')
      .passesCheck('a')
      .ended('a');
    degraded.dispatch({ type: 'stop' });
    expect(degraded.ended('b').outcome).equal('degraded');
    expect(new Play([worker()]).tick().started('a').ended('a').outcome).equal('not-started');

    const unchecked = (livesMs: number) =>
      new Play([worker({ upWhen: 'started', intervalMs: null })])
        .tick()
        .started('a')
        .after(livesMs)
        .ended('a');
    expect(unchecked(999).outcome).equal('not-started');
    expect(unchecked(1000).outcome).equal('degraded');
  });
});
