import { expect } from 'chai';
import { measure, type Contender } from '../../bench/measure.js';

const effort = { rounds: 3, budgetMs: 1000, minSamples: 1 };

describe('measure', () => {
  it('measures what returns, what promises, and what times itself', async () => {
    const waiting = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 6));
    const contenders: Contender[] = [
      { kind: 'direct', name: 'direct', run: () => void Math.sqrt(2) },
      { kind: 'promised', name: 'promised', run: waiting },
      {
        kind: 'remote',
        name: 'remote',
        sample: async (repeats) => Array.from({ length: repeats }, () => 42),
      },
    ];
    const outcomes = await measure(contenders, effort);
    expect([...outcomes.keys()]).deep.equal(['direct', 'promised', 'remote']);
    const medianOf = (name: string): number => {
      const outcome = outcomes.get(name);
      if (outcome === undefined || outcome instanceof Error) throw new Error(`${name} was not measured`);
      expect(outcome.samplesMs.length).least(effort.rounds);
      return outcome.medianMs;
    };
    expect(medianOf('direct')).below(1);
    expect(medianOf('promised')).least(5);
    expect(medianOf('remote')).equal(42);
  });

  it('takes turns', async () => {
    const calls: string[] = [];
    const contender = (name: string): Contender => ({
      kind: 'remote',
      name,
      sample: async (repeats) => {
        calls.push(name);
        return Array.from({ length: repeats }, () => 1);
      },
    });
    await measure([contender('a'), contender('b')], effort);
    expect(calls.join('')).match(/^a+b+(ab){3}$/); // warm-ups, then rounds
  });

  it('leaves out of later rounds what has used up its time', async () => {
    const sample = async (repeats: number): Promise<number[]> => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return Array.from({ length: repeats }, () => 30);
    };
    const slow: Contender = { kind: 'remote', name: 'slow', sample };
    const outcomes = await measure([slow], { rounds: 9, budgetMs: 40, minSamples: 2 });
    expect(outcomes.get('slow')).property('samplesMs').length(2);
  });

  it('does not count the first call of a turn', async () => {
    const sample = async (repeats: number): Promise<number[]> =>
      Array.from({ length: repeats }, (_, call) => (call === 0 && repeats > 1 ? 500 : 7));
    const outcomes = await measure([{ kind: 'remote', name: 'cold at first', sample }], effort);
    const outcome = outcomes.get('cold at first');
    if (outcome === undefined || outcome instanceof Error) throw new Error('it was not measured');
    expect(outcome.samplesMs.every((ms) => ms === 7)).equal(true);
  });

  it('answers with the error of what could not run, and measures the rest', async () => {
    let calls = 0;
    const failsLater = async (): Promise<void> => {
      if (++calls > 1) throw new Error('later');
    };
    const outcomes = await measure(
      [
        { kind: 'promised', name: 'at once', run: () => Promise.reject(new Error('at once')) },
        { kind: 'promised', name: 'later', run: failsLater },
        { kind: 'direct', name: 'well', run: () => undefined },
      ],
      effort,
    );
    expect(outcomes.get('at once')).instanceOf(Error).property('message', 'at once');
    expect(outcomes.get('later')).instanceOf(Error).property('message', 'later');
    expect(outcomes.get('well')).property('medianMs').least(0);
  });
});
