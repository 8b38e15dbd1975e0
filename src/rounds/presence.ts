/** Nodes that come, go, and are removed. */
import { newcomer, withNode } from './history.js';
import { own } from './own.js';
import type { SessionState } from './state.js';

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
