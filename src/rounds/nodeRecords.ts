/** A node's part in a session: its record, and what changes it. */
import type { ErrorCode } from '../errors.js';
import type { Policy } from './policy.js';
import { eligible } from './sampling.js';
import {
  type AcceptedUpdate,
  type ClosedRound,
  type Judgment,
  type NodeRecord,
  own,
  type SessionState,
} from './state.js';

export const newcomer: NodeRecord = {
  present: false,
  excluded: false,
  roundsAsked: 0,
  accepted: 0,
  refused: {},
  meanResponseMs: null,
  meanSuspicion: null,
  judged: 0,
  lastSuspicion: null,
  suspiciousRounds: 0,
  lastRound: null,
  trainedFor: null,
};

export function withNode(state: SessionState, node: string, record: NodeRecord): SessionState {
  return { ...state, nodes: { ...state.nodes, [node]: record } };
}

/** A stranger has no history. */
export function withRefusal(state: SessionState, node: string, code: ErrorCode): SessionState {
  const record = own(state.nodes, node);
  if (record === undefined || code === 'BUFFER_HAS_UPDATE') return state; // which is no fault of the node
  const refused = { ...record.refused, [code]: (record.refused[code] ?? 0) + 1 };
  return withNode(state, node, { ...record, refused });
}

/** All records after a round was committed. Nodes that were removed meanwhile stay so. */
export function withRound(
  policy: Policy,
  state: SessionState,
  round: ClosedRound,
  judgments: readonly Judgment[],
): SessionState {
  const suspicions = new Map(judgments.map(({ node, suspicion }) => [node, suspicion]));
  const asked = new Set([...(round.asked ?? eligible(state)), ...Object.keys(round.accepted)]);
  const nodes = Object.entries(state.nodes).map(([node, record]): [string, NodeRecord] => {
    if (!asked.has(node)) return [node, record];
    const counted = { ...record, roundsAsked: record.roundsAsked + 1 };
    const update = own(round.accepted, node);
    if (update === undefined) return [node, counted];
    const answered = withAnswer(counted, update, round.number);
    return [node, withSuspicion(policy, answered, suspicions.get(node) ?? null)];
  });
  return { ...state, nodes: Object.fromEntries(nodes) };
}

function withAnswer(
  record: NodeRecord,
  { responseMs, staleness }: AcceptedUpdate,
  round: number,
): NodeRecord {
  return {
    ...record,
    accepted: record.accepted + 1,
    meanResponseMs: meanWith(record.meanResponseMs, record.accepted, responseMs),
    lastRound: round,
    trainedFor: round - staleness, // later than before: earlier ones are not admitted
  };
}

/** Without a suspicion nothing is known of this round, so those one after the other go on. */
function withSuspicion({ exclude }: Policy, record: NodeRecord, suspicion: number | null): NodeRecord {
  if (suspicion === null) return record;
  const suspicious = exclude !== null && suspicion > exclude.suspicion;
  const suspiciousRounds = suspicious ? record.suspiciousRounds + 1 : 0;
  return {
    ...record,
    meanSuspicion: meanWith(record.meanSuspicion, record.judged, suspicion),
    judged: record.judged + 1,
    lastSuspicion: suspicion,
    suspiciousRounds,
    excluded: record.excluded || (exclude !== null && suspiciousRounds >= exclude.rounds),
  };
}

/** The mean of count + 1 values from that of the first `count`. */
function meanWith(mean: number | null, count: number, value: number): number {
  return mean === null ? value : mean + (value - mean) / (count + 1);
}

/* Nodes that come, go, and are removed. */

/** It is as it was when it left: its record goes on. */
export function arrived(state: SessionState, node: string): SessionState {
  const record = own(state.nodes, node) ?? newcomer;
  return heard(record.present ? state : withNode(state, node, { ...record, present: true }), node);
}

export function left(state: SessionState, node: string): SessionState {
  const record = own(state.nodes, node);
  return heard(record?.present ? withNode(state, node, { ...record, present: false }) : state, node);
}

/** What it sent to the round under way was acknowledged, so it stays in. */
export function removed(state: SessionState, node: string): SessionState {
  if (!Object.hasOwn(state.nodes, node)) return state;
  const nodes = Object.entries(state.nodes).filter(([id]) => id !== node);
  return heard({ ...state, nodes: Object.fromEntries(nodes) }, node);
}

/** Now it is known whether it is there. */
function heard(state: SessionState, node: string): SessionState {
  const { round } = state;
  if (round.phase !== 'collecting' || !round.awaited.includes(node)) return state;
  return { ...state, round: { ...round, awaited: round.awaited.filter((id) => id !== node) } };
}
