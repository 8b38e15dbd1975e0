/** "Did you mean": the known name that an unknown one most resembles. */

/** Edits between two names: characters inserted, removed, replaced, or swapped with their neighbor (Damerau 1964). */
function editDistance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}

/** Ways to write a name that do not matter here: trimmedMean, trimmed_mean, Trimmed-Mean. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9.]/g, '');

/** Longer names are compared by their beginning, so that the work is bounded. */
const MAX_LENGTH = 64;

/**
 * A suggestion to append to a message.
 *
 * @returns "; did you mean 'median'?", or nothing if no known name is similar
 */
export function didYouMean(name: string, known: readonly string[]): string {
  const given = plain(name.slice(0, MAX_LENGTH));
  let [best, fewest] = ['', Infinity];
  for (const candidate of known) {
    const edits = editDistance(given, plain(candidate));
    // A third of the characters may differ.
    if (edits < fewest && edits * 3 <= Math.max(given.length, 3)) [best, fewest] = [candidate, edits];
  }
  return fewest === Infinity ? '' : `; did you mean '${best}'?`;
}
