/**
 * Which node holds which training digits.
 *
 * `uniform`: every node gets a random share of the same size. `dirichlet`: for each label, the shares of the nodes
 * are drawn from a Dirichlet distribution with all parameters alpha (Hsu et al. 2019, arXiv:1909.06335): at
 * alpha = 100 nearly uniform, at 0.1 most nodes lack most labels, and they hold different amounts.
 */
import { CLASSES, type Digits } from './digits.js';
import { shuffle } from './shuffle.js';
import { stream } from './streams.js';

export type Partition = { readonly kind: 'uniform' } | { readonly kind: 'dirichlet'; readonly alpha: number };

/** A node with less could not fill a batch of different digits. */
const MIN_DIGITS = 20;
const MAX_DRAWS = 100;

/**
 * @param members indices into the digits, the training set, say; not written to
 * @returns for each node the indices that it holds; together all members, each once
 */
export function partition(
  digits: Digits,
  members: Uint32Array,
  nodes: number,
  how: Partition,
  seed: number,
): Uint32Array[] {
  if (members.length < nodes * MIN_DIGITS)
    throw new RangeError(`${members.length} digits are too few for ${nodes} nodes`);
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const order = members.slice();
    const random = stream(seed, 'partition', draw);
    shuffle(order, random);
    const held: number[][] = Array.from({ length: nodes }, () => []);
    if (how.kind === 'uniform') {
      for (const [position, index] of order.entries()) held[position % nodes]!.push(index);
    } else {
      const urns = Array.from({ length: CLASSES }, () => new Uint32Array(nodes));
      for (const index of order) {
        const urn = urns[digits.labels[index]!]!;
        const node = drawFromUrn(urn, how.alpha, random.uniform());
        urn[node]!++;
        held[node]!.push(index);
      }
    }
    if (held.every((indices) => indices.length >= MIN_DIGITS)) {
      return held.map((indices) => Uint32Array.from(indices));
    }
  }
  throw new RangeError(`no draw left every node at least ${MIN_DIGITS} digits; choose a larger alpha`);
}

/**
 * Pólya's urn: the next digit goes to a node with a chance of alpha + what it has. The counts that result are
 * distributed exactly as if shares had been drawn from the Dirichlet distribution and each digit been assigned by
 * them, and no gamma variates, which need logarithms, come into it.
 */
function drawFromUrn(urn: Uint32Array, alpha: number, uniform: number): number {
  let total = 0;
  for (const count of urn) total += alpha + count;
  let rest = uniform * total;
  for (let node = 0; node < urn.length - 1; node++) {
    rest -= alpha + urn[node]!;
    if (rest < 0) return node;
  }
  return urn.length - 1;
}
