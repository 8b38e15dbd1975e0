/** The record of a committed round, which its checkpoint stores as JSON. */
import * as z from 'zod';
import type { Report, RowReport } from '../../aggregation/report.js';
import { QuorateError } from '../../errors.js';
import { type Metrics, MAX_METRICS } from '../../protocol/names.js';
import {
  type MetricsPoint,
  type RoundSummary,
  roundUpdateSchema,
  type RoundView,
} from '../../protocol/views.js';
import type { AcceptedUpdate, Effect, Judgment } from '../../rounds/machine.js';
import type { CurrentModel } from './models.js';

/** The round that closed, as the effect says. */
export type RoundToAggregate = Extract<Effect, { type: 'aggregate' }>;

/** A round's result, not committed yet. */
export interface AggregatedRound {
  readonly round: RoundToAggregate;
  readonly before: CurrentModel;
  readonly model: CurrentModel;
  readonly report: Report;
  readonly judgments: readonly Judgment[];
  readonly metrics: Readonly<Record<string, number>>;
}

/** A round's line in the series. */
export interface RoundPoint {
  readonly round: number;
  readonly attempt: number;
  readonly openedAtMs: number;
  readonly committedAtMs: number;
  readonly asked: readonly string[] | null;
  readonly accepted: number;
  /** Uploads that were refused since the round before was committed. */
  readonly refused: number;
  readonly meanSuspicion: number | null;
  readonly maxSuspicion: number | null;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface RoundRecord {
  readonly pipeline: string;
  readonly updates: RoundView['updates'];
  readonly previousModelDigest: string;
  readonly aggregateDigest: string;
  readonly modelDigest: string;
  readonly timesMs: Readonly<Record<string, number>>;
  /** The newest lines of the series, oldest first; this round's is the last. */
  readonly series: readonly RoundPoint[];
  /** Room in the format: a receipt of the round, JSON. Nothing writes it yet; it is read back. */
  readonly receipt?: unknown;
}

const count = z.int().min(0);
const numbers = z.record(z.string(), z.number());

const pointSchema: z.ZodType<RoundPoint> = z.strictObject({
  round: count,
  attempt: count,
  openedAtMs: z.number(),
  committedAtMs: z.number(),
  asked: z.array(z.string()).nullable(),
  accepted: count,
  refused: count,
  meanSuspicion: z.number().nullable(),
  maxSuspicion: z.number().nullable(),
  metrics: numbers,
});

const recordSchema: z.ZodType<RoundRecord> = z.strictObject({
  pipeline: z.string(),
  updates: z.array(roundUpdateSchema),
  previousModelDigest: z.string(),
  aggregateDigest: z.string(),
  modelDigest: z.string(),
  timesMs: numbers,
  series: z.array(pointSchema).min(1),
  receipt: z.json().exactOptional(),
});

/** What a checkpoint holds as its round's record: a file that was made by hand may hold anything. @throws QuorateError CORRUPT_FILE */
export function readRecord(round: number, stored: unknown): RoundRecord {
  const { data, error } = recordSchema.safeParse(stored);
  if (data) return data;
  const { path, message } = error.issues[0]!;
  throw new QuorateError(
    'CORRUPT_FILE',
    `the checkpoint of round ${round} holds no record of a round: ${[...path, message].join(': ')}`,
    { round },
  );
}

/** The line of a round that is about to be committed; the archive adds the refusals. */
export function pointOf(
  { round: { round, attempt, asked, updates }, judgments, metrics }: AggregatedRound,
  { openedAtMs, committedAtMs }: Pick<RoundPoint, 'openedAtMs' | 'committedAtMs'>,
): Omit<RoundPoint, 'refused'> {
  const accepted = updates.length;
  return { round, attempt, openedAtMs, committedAtMs, asked, accepted, ...suspicionOf(judgments), metrics };
}

export function recordOf(
  { round: { updates }, before, model, report }: AggregatedRound,
  series: readonly RoundPoint[],
): RoundRecord {
  return {
    pipeline: report.pipeline,
    updates: updates.map((update, i) => updateRow(update, report.rows[i]!)),
    previousModelDigest: before.digest,
    aggregateDigest: report.resultDigest!,
    modelDigest: model.digest,
    timesMs: report.timesMs,
    series,
  };
}

/** One row of the report, joined with its update. */
export function updateRow(update: AcceptedUpdate, row: RowReport | null): RoundView['updates'][number] {
  return {
    node: update.node,
    // A stale row's digest in the report is of what was aggregated, not of what came.
    digest: update.digest ?? (update.staleness === 0 ? (row?.digest ?? null) : null),
    numExamples: update.numExamples,
    metrics: { ...update.metrics },
    staleness: update.staleness,
    responseMs: update.responseMs,
    used: row?.used ?? null,
    weight: row?.weight ?? null,
    norm: row?.norm ?? null,
    distance: row?.distance ?? null,
    suspicion: row?.suspicion ?? null,
  };
}

export const judgmentsOf = (updates: readonly AcceptedUpdate[], { rows }: Report): Judgment[] =>
  updates.map(({ node }, i) => ({ node, used: rows[i]!.used, suspicion: rows[i]!.suspicion ?? null }));

/** Of the updates of a round: what is suspicious about them, altogether. */
export function suspicionOf(judgments: readonly Judgment[]): {
  readonly meanSuspicion: number | null;
  readonly maxSuspicion: number | null;
} {
  const known = judgments.flatMap(({ suspicion }) => (suspicion === null ? [] : [suspicion]));
  if (known.length === 0) return { meanSuspicion: null, maxSuspicion: null };
  return {
    meanSuspicion: known.reduce((sum, value) => sum + value, 0) / known.length,
    maxSuspicion: known.reduce((most, value) => Math.max(most, value), 0),
  };
}

/** What nodes measured in training, each the mean over those that did: `train.loss`. Nothing verifies it. */
export function trainingMetrics(updates: readonly Pick<AcceptedUpdate, 'metrics'>[]): Record<string, number> {
  const reports = updates.map(({ metrics }) => metrics);
  return Object.fromEntries(
    commonNames(reports).map((name) => {
      const all = reports.filter((metrics) => Object.hasOwn(metrics, name)).map((metrics) => metrics[name]!);
      return [
        `train.${name}`,
        all.reduce((mean, value) => mean + value / all.length, 0), // so that the sum can't overflow
      ];
    }),
  );
}

export const summaryOf = (point: RoundPoint): RoundSummary => ({
  number: point.round,
  attempt: point.attempt,
  phase: 'committed',
  openedAtMs: point.openedAtMs,
  deadlineAtMs: null,
  committedAtMs: point.committedAtMs,
  asked: point.asked && [...point.asked],
  accepted: point.accepted,
  reason: null,
  metrics: { ...point.metrics },
});

export const metricsPointOf = (point: RoundPoint): MetricsPoint => ({
  round: point.round,
  committedAtMs: point.committedAtMs,
  roundMs: point.committedAtMs - point.openedAtMs,
  accepted: point.accepted,
  refused: point.refused,
  meanSuspicion: point.meanSuspicion,
  maxSuspicion: point.maxSuspicion,
  metrics: { ...point.metrics },
});

/* Which metrics a round's line has room for: a node may call what it measured anything, and everybody keeps it. */

/** In order: those that most of the nodes report, so that the inventions of a few can't push out what the others measure. */
export function commonNames(reports: readonly Metrics[]): string[] {
  const counts = new Map<string, number>();
  for (const name of reports.flatMap(Object.keys)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : 1))
    .slice(0, MAX_METRICS)
    .map(([name]) => name)
    .sort();
}
