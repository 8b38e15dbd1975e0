/**
 * Which node holds which training digits.
 *
 * `uniform`: every node gets a random share of the same size. `dirichlet`: for each label, the shares of the nodes
 * are drawn from a Dirichlet distribution with all parameters alpha (Hsu et al. 2019, arXiv:1909.06335): at
 * alpha = 100 nearly uniform, at 0.1 most nodes lack most labels, and they hold different amounts.
 */
import { CLASSES, type Digits } from './digits.js';
import { shuffle, stream } from './streams.js';

export type Partition = { readonly kind: 'uniform' } | { readonly kind: 'dirichlet'; readonly alpha: number };

/** A node with fewer digits could not fill a batch without repeating them. */
const MIN_DIGITS = 20;
const MAX_DRAWS = 100;

/**
 * @param members indices into the digits, for example the training set; not modified
 * @returns the indices that each node holds; every member belongs to exactly one node
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
  throw new RangeError(`no draw gave every node at least ${MIN_DIGITS} digits; choose a larger alpha`);
}

/**
 * Pólya's urn: the next digit goes to a node with probability proportional to alpha + the number it already has. The
 * resulting counts are distributed exactly as if shares were drawn from the Dirichlet distribution and digits were
 * assigned by those shares. This needs no gamma variates, whose logarithms differ between engines.
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
