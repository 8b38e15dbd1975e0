/** Quorate as the core suite measures it: one engine with a single thread, one with a thread per core. */
import { availableParallelism } from 'node:os';
import {
  aggregate,
  createEngine,
  nnm,
  pipeline,
  trimmedMean,
  type Batch,
  type Engine,
} from '../src/index.js';
import { pairwisePass } from '../src/core/distancePasses.js';
import type { Case } from './cases.js';
import type { Contender } from './measure.js';
import type { Ours, Placed } from './ours.js';

/** Rows and space for the result in one engine's memory. */
class PlacedRows {
  readonly #engine: Engine;
  readonly #rows: Batch;
  readonly #result: Batch;
  #table: Float64Array = new Float64Array(0);

  constructor(engine: Engine, rows: readonly Float32Array[]) {
    const d = rows[0]!.length;
    this.#engine = engine;
    this.#rows = engine.batch(rows.length, d);
    this.#result = engine.batch(1, d);
    for (const [i, row] of rows.entries()) this.#rows.row(i).set(row);
  }

  contender(name: string, of: Case): Contender {
    if (of.rule === 'distances') {
      return {
        kind: 'promised',
        name,
        run: async () => {
          this.#table = await this.#distances();
        },
      };
    }
    const run = async (): Promise<void> => {
      await call(this.#rows, of, { engine: this.#engine, report: 'brief', into: this.#result.row(0) });
    };
    return { kind: 'promised', name, run };
  }

  result(of: Case): Float32Array | Float64Array {
    if (of.rule !== 'distances') return this.#result.row(0);
    // The last point of Quorate's table is the origin, which the baselines don't have.
    const { n } = this.#rows;
    return Float64Array.from(
      { length: n * n },
      (_, k) => this.#table[Math.floor(k / n) * (n + 1) + (k % n)]!,
    );
  }

  /** The pass that every linear rule shares. No public call runs it alone. */
  #distances(): Promise<Float64Array> {
    const batch = this.#rows;
    const { threads } = this.#engine;
    const chosen = Array.from({ length: batch.n }, (_, i) => i);
    return this.#engine.exclusive((session) =>
      pairwisePass({
        session,
        threads,
        sharedMaximumPages: undefined,
        rows: { batch },
        chosen,
        signal: undefined,
      }),
    );
  }

  release(): void {
    this.#rows.release();
    this.#result.release();
  }
}

type Options = Parameters<typeof aggregate>[2];

function call(
  updates: Batch | Float32Array[],
  { rule, parameters }: Case,
  options: Options,
): Promise<unknown> {
  if (rule === 'nnm > trimmed-mean') {
    const { f } = parameters;
    if (f === undefined) throw new RangeError(`there is no f for ${rule}`);
    return aggregate(updates, pipeline(nnm({ f }), trimmedMean({ f })), options);
  }
  return aggregate(updates, rule, parameters, options);
}

export function startQuorate(): Ours {
  const threads = availableParallelism();
  const alone = createEngine({ threads: 1 });
  const together = createEngine({ threads });
  return {
    threads,
    place(rows): Placed {
      const one = new PlacedRows(alone, rows);
      const all = new PlacedRows(together, rows);
      return {
        oneThread: (of) => one.contender('oneThread', of),
        allThreads: (of) => all.contender('allThreads', of),
        fullCall: (of) => ({
          kind: 'promised',
          name: 'fullCall',
          run: async () => {
            await call([...rows], of, {});
          },
        }),
        result: (of) => one.result(of),
        release() {
          one.release();
          all.release();
        },
      };
    },
    async dispose() {
      await alone.dispose();
      await together.dispose();
    },
  };
}
