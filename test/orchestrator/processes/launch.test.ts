import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { launch } from '../../../src/orchestrator/processes/launch.js';

describe('launch', () => {
  it('releases a program only once the reaper knows it, and reports its end', async () => {
    const order: string[] = [];
    const reaper = {
      add: async () => {
        await pause(100); // for a program that would not wait
        order.push('known');
      },
      remove: () => void order.push('forgotten'),
    };
    const program = { command: ['echo', 'began'], cwd: process.cwd(), env: process.env };
    const { started, exited } = launch(program, reaper, (_, line) => void order.push(line));
    expect(await started).greaterThan(1);
    expect(await exited).deep.equal({ code: 0, signal: null, message: null });
    expect(order).have.members(['known', 'began', 'forgotten']);
    expect(order[0]).equal('known');
  });
});
