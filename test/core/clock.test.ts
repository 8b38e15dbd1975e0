import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../src/core/clock.js';

/** A machine whose clocks stand still until a test moves them. */
class Machine {
  monotonic = 5000.25;
  wall = 1_700_000_000_000;
  readonly clock: SystemClock;

  constructor() {
    this.clock = new SystemClock({ monotonicMs: () => this.monotonic, wallMs: () => this.wall });
    this.clock.now();
  }

  /** Both go on, in steps that a running process notices. */
  run(ms: number): number {
    for (let leftMs = ms; leftMs > 0; leftMs -= 250) {
      this.monotonic += Math.min(250, leftMs);
      this.wall += Math.min(250, leftMs);
      this.clock.now();
    }
    return this.clock.now();
  }

  stop(ms: number): number {
    this.monotonic += ms;
    this.wall += ms;
    return this.clock.now();
  }
}

describe('SystemClock', () => {
  it('begins with the time of the wall clock, and goes on as time does', () => {
    const machine = new Machine();
    expect(machine.clock.now()).equal(1_700_000_000_000);
    expect(machine.run(10_000)).equal(1_700_000_010_000);
  });

  for (const jumpMs of [-3_600_000, 3_600_000]) {
    it(`does not jump with the wall clock (${jumpMs} ms), which gives the times that it shows`, () => {
      const machine = new Machine();
      const beforeMs = machine.clock.now();
      machine.wall += jumpMs;
      expect(machine.clock.now()).equal(beforeMs);
      expect(machine.clock.toWall(beforeMs)).equal(machine.wall);
      expect(machine.run(1000)).equal(beforeMs + 1000);
      expect(machine.clock.toWall(beforeMs)).equal(machine.wall - 1000);
    });
  }

  it('does not count time in which the process was stopped', () => {
    const machine = new Machine();
    const beforeMs = machine.clock.now();
    expect(machine.stop(8000) - beforeMs).within(0, 250);
    expect(machine.clock.toWall(machine.clock.now())).equal(machine.wall);
    const afterMs = machine.clock.now();
    expect(machine.run(1000)).equal(afterMs + 1000);
  });

  it('counts delays of a busy process', () => {
    const machine = new Machine();
    const beforeMs = machine.clock.now();
    for (let i = 0; i < 10; i++) machine.stop(700);
    expect(machine.clock.now()).equal(beforeMs + 7000);
  });

  it('calls back when so much has passed on it, and not when it is canceled', async () => {
    let skewMs = 0;
    const clock = new SystemClock({
      monotonicMs: () => performance.now() + skewMs,
      wallMs: () => Date.now(),
    });
    const called: string[] = [];
    const beganMs = clock.now();
    clock.at(beganMs + 30, () => called.push('late'));
    const cancel = clock.at(beganMs + 10, () => called.push('canceled'));
    cancel();
    skewMs = 60_000; // as after a stop: nothing of it counts
    expect(clock.now() - beganMs).below(1000);
    while (called.length === 0) await pause(5);
    expect(clock.now() - beganMs).least(30);
    expect(called).deep.equal(['late']);
  });
});
