/**
 * Contenders take turns (A B C A B C …): when the machine slows down for a while, it slows down all of them, and the ratios
 * hold. benny measures what runs in this process; a contender in another process times itself.
 */
import { add, suite } from 'benny';
import { timing, type Timing } from './statistics.js';

/** Runs in this process, synchronously. */
export interface DirectContender {
  readonly kind: 'direct';
  readonly name: string;
  readonly run: () => void;
}

/** Runs in this process, asynchronously. */
export interface PromisedContender {
  readonly kind: 'promised';
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Runs in another process, and times itself. */
export interface RemoteContender {
  readonly kind: 'remote';
  readonly name: string;
  readonly sample: (repeats: number) => Promise<readonly number[]>;
}

export type Contender = DirectContender | PromisedContender | RemoteContender;

export interface Effort {
  readonly rounds: number;
  /** A contender that has taken this long sits out further rounds… */
  readonly budgetMs: number;
  /** …once it has at least this many samples. */
  readonly minSamples: number;
}

/** A timing, or the error of a contender that could not run; the caller interprets it. */
export type Outcome = Timing | Error;

/** Short calls are repeated until they take this long in total. */
const sampleMs = 4;
const maxRepeats = 5;

/** The calls of one turn take about this long in total. */
const turnMs = 60;

/** Warm-up calls, which aren't counted: until they take this long in total, but at most this many. */
const warmUpMs = 200;
const maxWarmUps = 10;

/**
 * The first call of a turn isn't counted, because the other contenders have evicted its rows, code and tables from the
 * caches. In a call this long that no longer matters, and it counts.
 */
const longCallMs = 1000;

export async function measure(
  contenders: readonly Contender[],
  effort: Effort,
): Promise<ReadonlyMap<string, Outcome>> {
  const samples = new Map<string, number[]>();
  const errors = new Map<string, Error>();
  const spentMs = new Map<string, number>();

  // Warm up: touch the pages, and give V8 enough calls to replace its baseline code.
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

/** Makes the warm-up calls. @returns their milliseconds */
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

/** Samples `count` calls, after `uncounted` calls that refill the caches. */
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
 * A sample is one turn of `count` consecutive calls, as in the contenders that run elsewhere. benny's own pauses between
 * calls, in which caches are lost to other work, would distort it.
 *
 * Before it measures, benny calls a test a few times to see what it returns. `armed` makes those calls free, which
 * matters for calls that take seconds; benny measures the function that the test returns.
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
            failure = asError(error); // benny would wait forever for a promise that rejects
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

/** Silences benny, which would announce thousands of suites on the console. */
async function quietly<T>(task: () => Promise<T>): Promise<T> {
  const log = console.log;
  console.log = () => undefined;
  try {
    return await task();
  } finally {
    console.log = log;
  }
}
