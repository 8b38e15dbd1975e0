/** What an aggregation tells about itself beside its value. */
import type { Tile } from '../core/tiles.js';
import type { Arena } from '../core/memory.js';
import { currentHost } from '../core/host.js';

export interface RowReport {
  /** Position among the updates. */
  readonly index: number;
  /** Whether anything of it went into the result. */
  readonly used: boolean;
  /** Its weight in the result; absent where each coordinate is decided by itself, and on a row left out. */
  readonly weight?: number;
  /** Euclidean norm. Absent, like all below, in a brief report. */
  readonly norm?: number;
  /** Euclidean distance to the result. */
  readonly distance?: number;
  /**
   * 0 for an update no farther from the result than the middle one, towards 1 the farther it is:
   * 1 − (middle distance / its distance). 1 for one that was left out because it is not finite.
   */
  readonly suspicion?: number;
  /** SHA-256 of its bytes (float32, little-endian), in hex. */
  readonly digest?: string;
}

export interface Report {
  readonly pipeline: string;
  readonly n: number;
  readonly d: number;
  readonly rows: readonly RowReport[];
  /** Rows left out because they are not finite. */
  readonly excluded: readonly number[];
  /** SHA-256 of the value's bytes (float32, little-endian), in hex; absent in a brief report. */
  readonly resultDigest?: string;
  /** Milliseconds: distances between the updates, the weights they lead to, combining, digest of the result, all. */
  readonly timesMs: {
    readonly distances: number;
    readonly weights: number;
    readonly combine: number;
    readonly digest: number;
    readonly total: number;
  };
}

/** The running SHA-256 of each row, fed tile by tile in the first pass over all rows. */
export class RowDigests {
  private readonly hashes;
  private digests: readonly string[] | undefined;

  constructor(n: number) {
    this.hashes = Array.from({ length: n }, () => currentHost().sha256());
  }

  readonly feed = (arena: Arena, { addresses, width }: Tile): void => {
    this.hashes.forEach((hash, row) => {
      hash.update(arena.u8(addresses[row]!, width * 4));
    });
  };

  get complete(): boolean {
    return this.digests !== undefined;
  }

  /** All digests, in hex. Ends the feeding. */
  finish(): readonly string[] {
    this.digests ??= this.hashes.map((hash) => hash.hex());
    return this.digests;
  }
}

/** SHA-256 of a vector's bytes. */
export function vectorDigest(value: Float32Array): string {
  const hash = currentHost().sha256();
  hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  return hash.hex();
}

/** How far each distance exceeds the middle one, from 0 to 1. */
function suspicions(distances: Float64Array): Float64Array {
  const middle = Float64Array.from(distances).sort()[(distances.length - 1) >> 1]!;
  return distances.map((distance) => (distance <= middle ? 0 : 1 - middle / distance));
}

/** What is known of the rows that were kept, in their order; digests are of all. */
interface RowMeasures {
  readonly rowWeights: Float64Array | undefined;
  readonly used: (row: number) => boolean;
  readonly digests: readonly string[] | undefined;
}

/** A report of each of n rows, `kept` of which took part; squared norms and distances are in the order of `kept`. */
export function rowReports(
  n: number,
  kept: readonly number[],
  { rowWeights, used, digests }: RowMeasures,
  squaredNorms: Float64Array | undefined,
  squaredDistances: Float64Array | undefined,
): RowReport[] {
  const distances = squaredDistances?.subarray(0, kept.length).map(Math.sqrt);
  const suspicion = distances && suspicions(distances);
  return Array.from({ length: n }, (_, index) => {
    const digest = digests ? { digest: digests[index]! } : {};
    const i = kept.indexOf(index);
    if (i < 0) return { index, used: false, ...(suspicion ? { suspicion: 1 } : {}), ...digest };
    return {
      index,
      used: used(i),
      ...(rowWeights ? { weight: rowWeights[i]! } : {}),
      ...(squaredNorms ? { norm: Math.sqrt(squaredNorms[i]!) } : {}),
      ...(distances && suspicion ? { distance: distances[i]!, suspicion: suspicion[i]! } : {}),
      ...digest,
    };
  });
}
