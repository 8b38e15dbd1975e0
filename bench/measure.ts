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
  /** Though not before it has been in so many of them. */
  readonly leastRounds: number;
}

/** The error itself where a contender could not run: what it means is for the caller to say. */
export type Outcome = Timing | Error;

/** Short calls are repeated until they have taken so long together. */
const sampleMs = 4;
const mostRepeats = 3;

export async function measure(
  contenders: readonly Contender[],
  effort: Effort,
): Promise<ReadonlyMap<string, Outcome>> {
  const samples = new Map<string, number[]>();
  const errors = new Map<string, Error>();
  const spentMs = new Map<string, number>();

  // Once each without counting: pages are touched, code is compiled, and the cost of one call is known.
  for (const contender of contenders) {
    const started = performance.now();
    try {
      if (contender.kind === 'remote') await contender.sample(1);
      else await contender.run();
      samples.set(contender.name, []);
    } catch (error) {
      errors.set(contender.name, asError(error));
    }
    spentMs.set(contender.name, performance.now() - started);
  }
  const repeats = new Map(
    [...spentMs].map(([name, once]) => [name, Math.min(mostRepeats, Math.max(1, Math.floor(30 / once)))]),
  );

  for (let round = 0; round < effort.rounds; round++) {
    for (const contender of contenders) {
      const { name } = contender;
      if (errors.has(name)) continue;
      if (round >= effort.leastRounds && (spentMs.get(name) ?? 0) > effort.budgetMs) continue;
      const started = performance.now();
      try {
        const count = repeats.get(name) ?? 1;
        const taken =
          contender.kind === 'remote' ? await contender.sample(count) : await bennySamples(contender, count);
        samples.get(name)?.push(...taken);
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

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/**
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
          if (armed) contender.run();
        }
      : async (): Promise<void> => {
          if (!armed || failure !== undefined) return;
          try {
            await contender.run();
          } catch (error) {
            failure = asError(error); // benny would wait for ever for a promise that is rejected
          }
        };
  const summary = await quietly(() =>
    suite(
      contender.name,
      add(contender.name, () => test, { minSamples: count, minTime: sampleMs / 1000, maxTime: 0 }),
      async () => (prepared) => {
        armed = true;
        return prepared;
      },
    ),
  );
  if (failure !== undefined) throw failure;
  return (summary.results[0]?.details.sampleResults ?? []).map((seconds) => seconds * 1000);
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
