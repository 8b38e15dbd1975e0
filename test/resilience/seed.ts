/** Where a scenario's random choices begin. QUORATE_RESILIENCE_SEED repeats a run, or makes another one. */
import { measured } from './measured.js';

const { QUORATE_RESILIENCE_SEED: given } = process.env;

/** Printed with what the scenario measured. @param usual the default seed */
export function seedOf(usual: number): number {
  const seed = given === undefined ? usual : Number(given);
  measured(`seed: QUORATE_RESILIENCE_SEED=${seed}`, { seed });
  return seed;
}
