/** Summarizes a study: accuracies, worst cases, and one sentence. */
import type { Run, Study } from './study.js';

/** 0.915 → '91.5%'. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/** 'inner-product-manipulation', 14 → ['inner-product-', 'manipulation']: for column headers. */
export function brokenAtHyphens(name: string, width: number): string[] {
  const lines: string[] = [];
  for (const piece of name.split(/(?<=-)/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + piece.length <= width) lines[lines.length - 1] = last + piece;
    else lines.push(piece);
  }
  return lines;
}

export const finalAccuracy = ({ measurements }: Run): number => measurements.at(-1)?.accuracy ?? NaN;

export function runOf({ runs }: Study, data: string, attack: string, pipeline: string): Run {
  const found = runs.find((run) => run.data === data && run.attack === attack && run.pipeline === pipeline);
  if (!found) throw new RangeError(`no run of ${pipeline} against ${attack} on ${data} data`);
  return found;
}

/** The accuracy of the mean without attackers: the reference for everything else. */
export const attackFree = (study: Study, data: string): number =>
  finalAccuracy(runOf(study, data, 'none', 'mean'));

export interface Worst {
  readonly accuracy: number;
  readonly attack: string;
}

/** The lowest accuracy of a pipeline over all attacks, including none. */
export function worstOf(study: Study, data: string, pipeline: string): Worst {
  return study.attacks
    .map(({ name }) => ({ attack: name, accuracy: finalAccuracy(runOf(study, data, name, pipeline)) }))
    .reduce((worst, each) => (each.accuracy < worst.accuracy ? each : worst));
}

/** The pipeline with the highest worst-case accuracy over all attacks and data distributions. */
export function steadiest(study: Study): string {
  const worst = (pipeline: string): number =>
    Math.min(...study.data.map(({ name }) => worstOf(study, name, pipeline).accuracy));
  return study.pipelines.reduce((best, each) => (worst(each) > worst(best) ? each : best));
}

/** The result in one sentence, derived from the measurements. */
export function sentence(study: Study): string {
  const best = steadiest(study);
  const falls = study.data.map(({ name }) => {
    const { accuracy, attack } = worstOf(study, name, 'mean');
    return { accuracy, attack, free: attackFree(study, name) };
  });
  const { accuracy, attack, free } = falls.reduce((a, b) => (b.accuracy < a.accuracy ? b : a));
  const mean =
    attack === 'none'
      ? `no attack pushed the mean below the ${percent(free)} that it reaches without attackers`
      : `the mean fell from ${percent(free)} accuracy on unseen digits to ${percent(accuracy)} (${attack})`;
  const kept = study.data.map(({ name }) => {
    const where = name === 'uniform' ? 'the same mix of digits on every node' : 'a different mix on each';
    return `${percent(worstOf(study, name, best).accuracy)} or more with ${where}`;
  });
  const rest = best === 'mean' ? '' : `, while ${best} kept ${kept.join(' and ')}, under every attack`;
  return `With ${study.attackers} of ${study.nodes} nodes attacking, ${mean}${rest}.`;
}
