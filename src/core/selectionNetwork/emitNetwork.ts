/** Unrolls a network's comparators into WebAssembly, four columns a step. */
import type { Comparator } from './comparators.js';
import type { ScheduleStep } from './schedule.js';
import { type Code, op, V128 } from './wasmModule.js';

/** Appends code to one function, and hands out its vector locals. */
export class FunctionWriter {
  readonly code: Code = [];
  private readonly free: number[] = [];
  private vectors = 0;
  private readonly firstVector: number;

  constructor(firstVector: number) {
    this.firstVector = firstVector;
  }

  get vectorLocals(): number[] {
    return new Array<number>(this.vectors).fill(V128);
  }

  put(...parts: readonly (readonly number[])[]): void {
    for (const part of parts) for (const byte of part) this.code.push(byte);
  }

  takeLocal(): number {
    return this.free.pop() ?? this.firstVector + this.vectors++;
  }

  giveLocal(local: number): void {
    this.free.push(local);
  }

  /** Stores the top of the stack in a fresh local. */
  save(): number {
    const local = this.takeLocal();
    this.put(op.localSet(local));
    return local;
  }
}

/** How a form reaches memory: `load` pushes a wire's value, `store` writes a local to the wire's slot. */
export interface WireMemory {
  load(wire: number): void;
  store(wire: number, local: number): void;
}

/** Runs a schedule's steps. Returns a function that pushes a wire's final value. */
export function emitSteps(
  writer: FunctionWriter,
  steps: readonly ScheduleStep[],
  memory: WireMemory,
): (wire: number) => void {
  const localOf = new Map<number, number>();
  const local = (wire: number) => {
    const found = localOf.get(wire);
    if (found === undefined) throw new Error(`wire ${wire} is not live`);
    return found;
  };
  const emitCompare = ({ low, high, needsLow, needsHigh }: Comparator) => {
    const [a, b] = [local(low), local(high)];
    const least = writer.takeLocal();
    if (needsLow) writer.put(op.localGet(a), op.localGet(b), op.f32x4PMin, op.localSet(least));
    if (needsHigh) writer.put(op.localGet(a), op.localGet(b), op.f32x4PMax, op.localSet(b));
    localOf.delete(low);
    localOf.delete(high);
    writer.giveLocal(a);
    if (needsLow) localOf.set(low, least);
    else writer.giveLocal(least);
    if (needsHigh) localOf.set(high, b);
    else writer.giveLocal(b);
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'load': {
        memory.load(step.wire);
        localOf.set(step.wire, writer.save());
        break;
      }
      case 'store':
        memory.store(step.wire, local(step.wire));
        break;
      case 'drop':
        writer.giveLocal(local(step.wire));
        localOf.delete(step.wire);
        break;
      case 'compare':
        emitCompare(step.comparator);
        break;
      default:
        step satisfies never;
    }
  }
  return (wire) => {
    const found = localOf.get(wire);
    if (found === undefined) memory.load(wire);
    else writer.put(op.localGet(found));
  };
}
