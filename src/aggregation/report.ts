/** The report of an aggregation. */
import type { Tile } from '../core/tiles.js';
import type { Arena } from '../core/memory.js';
import { currentHost } from '../core/host.js';

/** What the report says about one update. */
export interface RowReport {
  /** Position among the updates. */
  readonly index: number;
  /** Whether it has any influence on the result. */
  readonly used: boolean;
  /** Its weight in the result. Absent for coordinate-wise rules, and for an excluded update. */
  readonly weight?: number;
  /** Euclidean norm. Absent from a brief report, like everything below. */
  readonly norm?: number;
  /** Euclidean distance to the result. */
  readonly distance?: number;
  /**
   * From 0 to 1: 0 for an update whose distance to the result is at most the median distance; otherwise
   * 1 − (median distance / its distance). 1 for an update excluded because it is not finite.
   */
  readonly suspicion?: number;
  /** SHA-256 of its bytes (float32, little-endian), in hex. */
  readonly digest?: string;
}

/** How an aggregation came about. Plain data. */
export interface Report {
  /** The pipeline as text. If updates were excluded, f is the lowered one. */
  readonly pipeline: string;
  /** Number of updates. */
  readonly n: number;
  /** Entries per update. */
  readonly d: number;
  /** One entry per update, in order. */
  readonly rows: readonly RowReport[];
  /** Indices of updates excluded because they are not finite. */
  readonly excluded: readonly number[];
  /**
   * Of the geometric median: whether `gap` reached the rule's tolerance within `maxIterations`. If not, the value is the
   * best point found; a call doesn't fail for that, since attackers could then make rounds fail.
   */
  readonly converged?: boolean;
  /**
   * Of the geometric median: the relative duality gap. The sum of distances from the value, before it is rounded to
   * float32, exceeds the least one by at most this share of it. 0 if the value is proved to be the optimum.
   */
  readonly gap?: number;
  /** SHA-256 of the value's bytes (float32, little-endian), in hex. Absent from a brief report. */
  readonly resultDigest?: string;
  /** Time spent, in milliseconds. */
  readonly timesMs: {
    /** Measuring the distances between updates. */
    readonly distances: number;
    /** Computing the weights, including exact searches. */
    readonly weights: number;
    /** Combining the updates into the result. */
    readonly combine: number;
    /** Hashing the result. */
    readonly digest: number;
    /** Everything, including the digests of the updates. */
    readonly total: number;
  };
}

/** The running SHA-256 of each row, updated tile by tile in the first pass over all rows. */
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

  /** All digests, in hex. No more tiles can be added. */
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

/** By how much each distance exceeds the median distance, from 0 to 1. */
function suspicions(distances: Float64Array): Float64Array {
  const middle = Float64Array.from(distances).sort()[(distances.length - 1) >> 1]!;
  return distances.map((distance) => (distance <= middle ? 0 : 1 - middle / distance));
}

/** What is known about the kept rows, in order; `digests` covers all rows. */
interface RowFacts {
  readonly rowWeights: Float64Array | undefined;
  readonly used: (row: number) => boolean;
  readonly digests: readonly string[] | undefined;
}

/** Reports on each of n rows, of which `kept` took part. Squared norms and distances are in the order of `kept`. */
export function rowReports(
  n: number,
  kept: readonly number[],
  { rowWeights, used, digests }: RowFacts,
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
