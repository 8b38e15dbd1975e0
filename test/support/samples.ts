/** Parameters for any rule or pre-aggregator: what its schema requires, and nothing else. */
import type * as z from 'zod';
import { describeParameters } from '../../src/core/validation.js';

/** By name, for f Byzantine rows of normal data. */
const values: Readonly<Record<string, (f: number) => number>> = {
  f: (f) => f,
  tau: () => 3,
  s: () => 2,
  seed: () => 11,
  c: () => 6,
};

export interface Described {
  readonly definition: { readonly name: string; readonly parameters: z.ZodObject };
}

/** The required parameters of a stage, for f Byzantine rows. */
export function sampleParameters({ definition }: Described, f: number): Readonly<Record<string, number>> {
  const required = describeParameters(definition.parameters).filter((parameter) => parameter.required);
  return Object.fromEntries(
    required.map(({ name }) => {
      const value = values[name];
      if (!value) throw new Error(`${definition.name} requires '${name}': give it a value in samples.ts`);
      return [name, value(f)];
    }),
  );
}

/** Whether a stage has a Byzantine bound. */
export const isBounded = ({ definition }: Described): boolean => 'f' in definition.parameters.shape;
