/**
 * Contenders are measured in rounds, one after the other in each (A B C A B C …): when the machine slows down for
 * a while, it slows down for all of them, and the ratios stay. What runs in this process is measured by benny;
 * a contender in another process brings the times that it took itself.
 */
import { add, suite } from 'benny';
import { timing, type Timing } from './statistics.js';

/** Runs in this process, and has done its work when it returns. */
export interface DirectContender {
  readonly kind: 'direct';
  readonly name: string;
  readonly run: () => void;
}

/** Runs in this process, and has done its work when its promise is fulfilled. */
export interface PromisedContender {
  readonly kind: 'promised';
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Runs elsewhere, and times itself. */
export interface RemoteContender {
  readonly kind: 'remote';
  readonly name: string;
  readonly sample: (repeats: number) => Promise<readonly number[]>;
}

export type Contender = DirectContender | PromisedContender | RemoteContender;

export interface Effort {
  readonly rounds: number;
  /** A contender that has taken this long is left out of further rounds. */
  readonly budgetMs: number;
  /** Though not before it has so many samples. */
  readonly minSamples: number;
}

/** The error itself where a contender could not run: what it means is for the caller to say. */
export type Outcome = Timing | Error;

/** Short calls are repeated until they have taken so long together. */
const sampleMs = 4;
const maxRepeats = 5;

/** Calls in a turn take about so long together. */
const turnMs = 60;

/** Calls before anything is counted: until they took so long together, at most so many. */
const warmUpMs = 200;
const maxWarmUps = 10;

/**
 * In a call this long, what the first one has to do besides no longer matters: it counts as a sample. Of shorter calls
 * the first of a turn is not counted: it finds its rows, code and tables driven out of the caches by the others.
 */
const longCallMs = 1000;

export async function measure(
  contenders: readonly Contender[],
  effort: Effort,
): Promise<ReadonlyMap<string, Outcome>> {
  const samples = new Map<string, number[]>();
  const errors = new Map<string, Error>();
  const spentMs = new Map<string, number>();

  // Each a few times without counting: pages are touched, and V8 replaces its baseline code only after some calls.
  const fastestMs = new Map<string, number>();
  for (const contender of contenders) {
    const { name } = contender;
    try {
      const warmUp = await warmed(contender);
      fastestMs.set(name, Math.min(...warmUp));
      spentMs.set(
        name,
        warmUp.reduce((sum, ms) => sum + ms, 0),
      );
      samples.set(name, warmUp[0]! > longCallMs ? [warmUp[0]!] : []);
    } catch (error) {
      errors.set(name, asError(error));
    }
  }
  const repeats = new Map(
    [...fastestMs].map(([name, once]) => [
      name,
      Math.min(maxRepeats, Math.max(1, Math.floor(turnMs / once))),
    ]),
  );

  for (let round = 0; round < effort.rounds; round++) {
    for (const contender of contenders) {
      const { name } = contender;
      if (errors.has(name)) continue;
      const taken = samples.get(name) ?? [];
      if (taken.length >= effort.minSamples && (spentMs.get(name) ?? 0) > effort.budgetMs) continue;
      const started = performance.now();
      try {
        const uncounted = (fastestMs.get(name) ?? 0) > longCallMs ? 0 : 1;
        taken.push(...(await turn(contender, repeats.get(name) ?? 1, uncounted)));
      } catch (error) {
        errors.set(name, asError(error));
      }
      spentMs.set(name, (spentMs.get(name) ?? 0) + performance.now() - started);
    }
  }
  return new Map<string, Outcome>([
    ...errors,
    ...[...samples]
      .filter(([name]) => !errors.has(name))
      .map(([name, taken]): [string, Timing] => [name, timing(taken)]),
  ]);
}

/** Milliseconds of the calls that were made to warm up. */
async function warmed(contender: Contender): Promise<number[]> {
  const taken: number[] = [];
  const total = () => taken.reduce((sum, ms) => sum + ms, 0);
  while (taken.length < maxWarmUps && total() < warmUpMs) {
    const started = performance.now();
    if (contender.kind === 'remote') await contender.sample(1);
    else await contender.run();
    taken.push(performance.now() - started);
  }
  return taken;
}

/** Samples of `count` calls, after `uncounted` calls that only bring caches back to what they are in a row of calls. */
async function turn(contender: Contender, count: number, uncounted: number): Promise<readonly number[]> {
  if (contender.kind === 'remote') {
    const samples = await contender.sample(count + uncounted);
    return samples.slice(uncounted);
  }
  for (let call = 0; call < uncounted; call++) await contender.run();
  return bennySamples(contender, count);
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/**
 * A sample is a turn of `count` calls, one right after the other, as the contenders elsewhere make theirs: benny's own
 * pauses between calls, in which the processor rests and its caches are lost to others, are nobody's work.
 *
 * benny calls a test a few times to see what it returns before it measures. `armed` makes those calls free, which
 * matters for calls of seconds; benny measures the function that the test returns.
 */
async function bennySamples(
  contender: DirectContender | PromisedContender,
  count: number,
): Promise<number[]> {
  let armed = false;
  let failure: Error | undefined;
  const test =
    contender.kind === 'direct'
      ? (): void => {
          for (let call = 0; armed && call < count; call++) contender.run();
        }
      : async (): Promise<void> => {
          if (!armed || failure !== undefined) return;
          try {
            for (let call = 0; call < count; call++) await contender.run();
          } catch (error) {
            failure = asError(error); // benny would wait for ever for a promise that is rejected
          }
        };
  const summary = await quietly(() =>
    suite(
      contender.name,
      add(contender.name, () => test, { minSamples: 1, minTime: sampleMs / 1000, maxTime: 0 }),
      async () => (prepared) => {
        armed = true;
        return prepared;
      },
    ),
  );
  if (failure !== undefined) throw failure;
  return (summary.results[0]?.details.sampleResults ?? []).map((seconds) => (seconds * 1000) / count);
}

/** benny announces every suite on the console; here there are thousands of them. */
async function quietly<T>(task: () => Promise<T>): Promise<T> {
  const log = console.log;
  console.log = () => undefined;
  try {
    return await task();
  } finally {
    console.log = log;
  }
}
