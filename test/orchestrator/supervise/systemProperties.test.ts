/** Whatever happens to a system's processes, in whatever order, these hold. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { ComponentPolicy } from '../../../src/orchestrator/supervise/state.js';
import { Play } from '../../support/orchestrator/play.js';

const names = ['a', 'b', 'c', 'd', 'e'];

/** Dependencies go to earlier ones only: the order of the names is one in which they can start. */
const policies = fc
  .array(
    fc.record({
      needs: fc.subarray(names),
      restart: fc.constantFrom('always' as const, 'on-failure' as const, 'never' as const),
      upWhen: fc.constantFrom('started' as const, 'checked' as const, 'done' as const),
      intervalMs: fc.constantFrom(null, 50, 500),
      failures: fc.integer({ min: 1, max: 3 }),
      startDeadlineMs: fc.integer({ min: 1, max: 1000 }),
      stopDeadlineMs: fc.integer({ min: 1, max: 1000 }),
      restarts: fc.record({
        max: fc.integer({ min: 0, max: 3 }),
        windowMs: fc.integer({ min: 1, max: 5000 }),
        firstMs: fc.integer({ min: 1, max: 200 }),
        maxMs: fc.integer({ min: 1, max: 400 }),
      }),
    }),
    { minLength: 1, maxLength: names.length },
  )
  .map((given) =>
    given.map(({ needs, ...policy }, index): ComponentPolicy => ({
      ...policy,
      name: names[index]!,
      dependsOn: needs.filter((name) => names.indexOf(name) < index),
    })),
  );

const component = fc.nat({ max: names.length - 1 });
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const), component }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('pass' as const, 'trouble' as const), component }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('exit' as const), component, code: fc.constantFrom(0, 1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 700 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'kill' as const) }) },
);

/** Knows which processes there are, and looks at each thing that is to be done. */
class World {
  readonly play: Play;
  private readonly alive = new Set<string>();
  private readonly startedAtMs = new Map<string, number[]>();
  private readonly policies: readonly ComponentPolicy[];
  isKilled = false;

  constructor(policies: readonly ComponentPolicy[], stopsWhenDone: boolean) {
    this.policies = policies;
    this.play = new Play(policies, stopsWhenDone);
    this.look(() => this.play.tick());
  }

  private policy(name: string): ComponentPolicy {
    return this.policies.find((policy) => policy.name === name)!;
  }

  isAlive(name: string): boolean {
    return this.alive.has(name);
  }

  exit(name: string, code: number): void {
    this.alive.delete(name);
    this.look(() => this.play.ended(name, code));
  }

  look(change: () => unknown): void {
    change();
    for (const done of this.play.did()) {
      const [verb, name] = done.split(' ');
      if (verb === 'start') this.lookAtStart(name!);
      else expect(this.isAlive(name!), done).equal(true);
      if (verb === 'SIGTERM' && !this.isKilled) this.lookAtStop(name!);
    }
  }

  private lookAtStart(name: string): void {
    const { dependsOn, restarts } = this.policy(name);
    const { atMs, state } = this.play;
    expect(this.isAlive(name), `${name} twice`).equal(false);
    if (state.phase === 'running') {
      for (const needed of dependsOn) expect(['running', 'completed']).include(this.play.phaseOf(needed));
    }
    this.alive.add(name);
    const earlier = (this.startedAtMs.get(name) ?? []).filter((ms) => ms > atMs - restarts.windowMs);
    expect(earlier.length, `${name} starts within the window`).at.most(restarts.max);
    this.startedAtMs.set(name, [...earlier, atMs]);
  }

  /** Only when nothing that runs needs it. */
  private lookAtStop(name: string): void {
    const { phase } = this.play.state.components[name]!;
    if (phase.name === 'stopping' && phase.reason !== null) return; // it does not answer
    for (const other of this.policies) {
      if (this.needs(other, name))
        expect(this.isAlive(other.name), `${name} before ${other.name}`).equal(false);
    }
  }

  private needs({ dependsOn }: ComponentPolicy, name: string): boolean {
    return dependsOn.some((needed) => needed === name || this.needs(this.policy(needed), name));
  }
}

/** Processes end only when they are killed, each as late as it may. */
function endOf(world: World, policies: readonly ComponentPolicy[]): void {
  const { play } = world;
  const beganMs = play.atMs;
  world.look(() => play.dispatch({ type: 'stop' }));
  while (play.outcome === null) {
    const killed = policies.find(({ name }) => {
      const { phase } = play.state.components[name]!;
      return phase.name === 'stopping' && phase.killAtMs === null;
    });
    if (killed) world.exit(killed.name, 1);
    else {
      expect(play.nextMs, 'a tick is due').not.equal(null);
      world.look(() => play.after(play.nextMs!));
    }
  }
  const maxMs = policies.reduce((sum, { stopDeadlineMs }) => sum + stopDeadlineMs, 0);
  expect(play.atMs - beganMs).at.most(maxMs);
  expect(policies.filter(({ name }) => world.isAlive(name))).deep.equal([]);
  expect(play.nextMs).equal(null);
}

describe('a system of any kind, whatever happens', () => {
  it('keeps order, bounds its restarts, never runs anything twice, and ends in time', () => {
    fc.assert(
      fc.property(
        policies,
        fc.boolean(),
        fc.array(action, { maxLength: 60 }),
        (policies, stopsWhenDone, actions) => {
          const world = new World(policies, stopsWhenDone);
          const { play } = world;
          for (const event of actions) {
            if (play.outcome !== null) break;
            if (event.do === 'wait') world.look(() => play.after(event.ms));
            else if (event.do === 'kill') world.isKilled = true;
            if (event.do === 'stop' || event.do === 'kill') {
              world.look(() => play.dispatch({ type: event.do }));
              continue;
            }
            const name = 'component' in event ? names[event.component]! : '';
            if (!world.isAlive(name)) continue;
            if (event.do === 'exit') world.exit(name, event.code);
            else if (event.do === 'start') world.look(() => play.started(name));
            else if (event.do === 'pass') world.look(() => play.passesCheck(name));
            else if (event.do === 'trouble') world.look(() => play.failsCheck(name));
          }
          if (play.outcome === null) endOf(world, policies);
        },
      ),
      { seed: 20_260, numRuns: 2000 },
    );
  });

  it('schedules no tick that would change nothing', () => {
    fc.assert(
      fc.property(policies, fc.array(component, { maxLength: 20 }), (policies, started) => {
        const play = new Play(policies).tick();
        for (const index of started) if (index < policies.length) play.started(names[index]!);
        for (let ticks = 0; ticks < 50 && play.nextMs !== null; ticks++) {
          const before = play.state;
          play.atMs += play.nextMs;
          play.tick();
          expect(play.state).not.deep.equal(before);
        }
      }),
      { seed: 20_261, numRuns: 500 },
    );
  });
});
