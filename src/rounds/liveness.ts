/**
 * Whether a node is alive, by its heartbeats: joined → healthy → suspect → lost, and healthy again once it is heard.
 * A suspect node is still taken as there; a lost one is not.
 */

export type NodeStatus = 'joined' | 'healthy' | 'suspect' | 'lost';

export interface Sighting {
  /** Of a node that was not heard yet: its registration, or the server's restart. */
  readonly lastSeenMs: number;
  /** Whether it was heard since then. */
  readonly heard: boolean;
}

export interface Heartbeat {
  readonly heartbeatMs: number;
  /** Heartbeats missed one after the other; lostAfter is the larger one. */
  readonly suspectAfter: number;
  readonly lostAfter: number;
}

export function nodeStatus(sighting: Sighting, heartbeat: Heartbeat, nowMs: number): NodeStatus {
  const { suspectAtMs, lostAtMs } = turns(sighting, heartbeat);
  if (nowMs >= lostAtMs) return 'lost';
  if (nowMs >= suspectAtMs) return 'suspect';
  return sighting.heard ? 'healthy' : 'joined';
}

/** When the status changes next if the node stays silent; null: it is lost. Always later than `nowMs`. */
export function statusChangesAtMs(sighting: Sighting, heartbeat: Heartbeat, nowMs: number): number | null {
  const { suspectAtMs, lostAtMs } = turns(sighting, heartbeat);
  if (nowMs >= lostAtMs) return null;
  return nowMs < suspectAtMs ? Math.min(suspectAtMs, lostAtMs) : lostAtMs;
}

function turns({ lastSeenMs }: Sighting, heartbeat: Heartbeat) {
  return {
    suspectAtMs: lastSeenMs + heartbeat.suspectAfter * heartbeat.heartbeatMs,
    lostAtMs: lastSeenMs + heartbeat.lostAfter * heartbeat.heartbeatMs,
  };
}
