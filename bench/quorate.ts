/** Quorate as the core suite measures it: one engine with one thread, one with a thread a core. */
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
import { Allocation } from '../src/core/memory.js';
import { SEGMENT_COLUMNS } from '../bindings/abi.js';
import type { Case } from './cases.js';
import type { Contender } from './measure.js';
import type { Ours, Placed } from './ours.js';

/** Rows and room for the result in one engine's memory. */
class Home {
  readonly #engine: Engine;
  readonly #rows: Batch;
  readonly #result: Batch;
  #table = new Float64Array(0);

  constructor(engine: Engine, rows: readonly Float32Array[]) {
    const d = rows[0].length;
    this.#engine = engine;
    this.#rows = engine.batch(rows.length, d);
    this.#result = engine.batch(1, d);
    for (const [i, row] of rows.entries()) this.#rows.row(i).set(row);
  }

  contender(name: string, of: Case): Contender {
    if (of.rule === 'distances') {
      return { kind: 'promised', name, run: async () => void (this.#table = await this.#distances()) };
    }
    const run = async (): Promise<void> => {
      await call(this.#rows, of, { engine: this.#engine, report: 'brief', into: this.#result.row(0) });
    };
    return { kind: 'promised', name, run };
  }

  result(of: Case): Float32Array | Float64Array {
    return of.rule === 'distances' ? this.#table : this.#result.row(0);
  }

  /** The pass that all rules share which weigh rows; no public call ends with it. */
  #distances(): Promise<Float64Array<ArrayBuffer>> {
    const { n, d } = this.#rows;
    const columns = Math.ceil(d / 16) * 16;
    const points = n + 1;
    return this.#engine.exclusive(async ({ arena, run }) => {
      const allocation = new Allocation(arena);
      try {
        const table = allocation.u32(Array.from({ length: n }, (_, i) => this.#rows.rowAddress(i)));
        const segments = Math.ceil(columns / SEGMENT_COLUMNS);
        const sums = allocation.take(segments * points * points * 8);
        await run({ kernel: 'pairwise-distances', table, n, sums }, columns, (n * n * columns) / 8);
        const parts = arena.f64(sums, segments * points * points);
        const whole = new Float64Array(n * n);
        for (let i = 0; i < n; i++) {
          for (let j = i + 1; j < n; j++) {
            let sum = 0;
            for (let s = 0; s < segments; s++) sum += parts[s * points * points + i * points + j];
            whole[i * n + j] = sum;
            whole[j * n + i] = sum;
          }
        }
        return whole;
      } finally {
        allocation.releaseAll();
      }
    });
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
      const one = new Home(alone, rows);
      const all = new Home(together, rows);
      return {
        oneThread: (of) => one.contender('oneThread', of),
        allThreads: (of) => all.contender('allThreads', of),
        fullCall: (of) => ({
          kind: 'promised',
          name: 'fullCall',
          run: async () => void (await call([...rows], of, {})),
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
