/** Views of a session for clients. */
import type { ModelView, RoundSummary, RoundView, SessionView } from '../protocol/views.js';
import { pipelineText } from '../aggregation/pipeline.js';
import {
  type AcceptedUpdate,
  holdsUpdates,
  isOver,
  type NodeRecord,
  type RoundState,
} from '../rounds/machine.js';
import type { StoredModel } from './session/models.js';
import { type RoundPoint, type RoundRecord, summaryOf, updateRow } from './session/roundRecord.js';
import type { Session } from './session/session.js';

/** @param only this node's record among the nodes */
export function sessionView(session: Session, only?: string): SessionView {
  const { id, plan, createdAtMs, state, models } = session;
  return {
    id,
    status: state.status,
    reason: state.reason ?? (isOver(state.status) ? null : (state.failure?.message ?? null)),
    config: plan.config,
    createdAtMs,
    committed: state.committed,
    model: models.newest && modelView(models.newest),
    round: openSummary(session),
    nodes: (only === undefined ? Object.keys(state.nodes).sort() : [only])
      .filter((node) => Object.hasOwn(state.nodes, node))
      .map((node) => nodeRecordView(node, state.nodes[node]!)),
  };
}

export const modelView = ({ round, values, digest, tensors }: StoredModel): ModelView => ({
  round,
  d: values.length,
  digest,
  tensors: tensors.map(({ name, shape }) => ({ name, shape: [...shape] })),
});

function nodeRecordView(node: string, record: NodeRecord): SessionView['nodes'][number] {
  const { present, excluded, roundsAsked, accepted, refused, meanResponseMs } = record;
  const { meanSuspicion, lastSuspicion, suspiciousRounds, lastRound } = record;
  return {
    node,
    present,
    excluded,
    roundsAsked,
    accepted,
    refused: { ...refused },
    meanResponseMs,
    meanSuspicion,
    lastSuspicion,
    suspiciousRounds,
    lastRound,
  };
}

const acceptedIn = (round: RoundState): readonly AcceptedUpdate[] =>
  holdsUpdates(round)
    ? Object.keys(round.accepted)
        .sort()
        .map((node) => round.accepted[node]!)
    : [];

/** The round that is not committed yet; null: there is none. */
export function openSummary(session: Session): RoundSummary | null {
  const { round } = session.state;
  if (round.phase === 'idle') return null;
  const opened = holdsUpdates(round) ? round : null;
  return {
    number: round.number,
    attempt: round.attempt,
    // That the result is being written concerns the coordinator only: until it is committed, the round is aggregating.
    phase: round.phase === 'committing' ? 'aggregating' : round.phase,
    openedAtMs: opened && session.toWall(opened.openedAtMs),
    deadlineAtMs: round.phase === 'collecting' ? session.toWall(round.deadlineAtMs) : null,
    committedAtMs: null,
    asked: opened?.asked ? [...opened.asked] : null,
    accepted: acceptedIn(round).length,
    reason: session.state.failure?.message ?? null,
    metrics: {},
  };
}

export function openRoundView(session: Session, summary: RoundSummary): RoundView {
  return {
    ...summary,
    pipeline: pipelineText(session.plan.recipe.pipeline),
    updates: acceptedIn(session.state.round).map((update) => updateRow(update, null)),
    previousModelDigest: session.models.newest?.digest ?? null,
    aggregateDigest: null,
    modelDigest: null,
    timesMs: null,
  };
}

/** @param point the round's line as it is now: with what was measured since */
export function committedRoundView(record: RoundRecord, point: RoundPoint | undefined): RoundView {
  const { pipeline, updates, previousModelDigest, aggregateDigest, modelDigest, timesMs, series } = record;
  return {
    ...summaryOf(point ?? series.at(-1)!),
    pipeline,
    updates,
    previousModelDigest,
    aggregateDigest,
    modelDigest,
    timesMs: { ...timesMs },
  };
}
