import { expect } from 'chai';
import { nodeStatus, statusChangesAtMs } from '../../src/rounds/liveness.js';

const heartbeat = { heartbeatMs: 10, suspectAfter: 2, lostAfter: 4 };
const heard = { lastSeenMs: 100, heard: true };
const silent = { lastSeenMs: 100, heard: false };

describe('nodeStatus', () => {
  it('turns from healthy to suspect to lost as heartbeats are missed', () => {
    const status = (nowMs: number) => nodeStatus(heard, heartbeat, nowMs);
    expect([100, 119, 120, 139, 140, 1e9].map(status)).deep.equal([
      'healthy',
      'healthy',
      'suspect',
      'suspect',
      'lost',
      'lost',
    ]);
  });

  it('is joined until a node is heard, and is lost as well if it never is', () => {
    const status = (nowMs: number) => nodeStatus(silent, heartbeat, nowMs);
    expect([100, 120, 140].map(status)).deep.equal(['joined', 'suspect', 'lost']);
  });

  it('waits for a node from the restart on', () => {
    expect(nodeStatus({ lastSeenMs: 1000, heard: false }, heartbeat, 1019)).equal('joined');
  });

  it('is healthy again once it is heard', () => {
    expect(nodeStatus({ ...heard, lastSeenMs: 500 }, heartbeat, 501)).equal('healthy');
  });
});

describe('statusChangesAtMs', () => {
  it('returns when the next heartbeats will have been missed, and null once the node is lost', () => {
    const next = (nowMs: number) => statusChangesAtMs(heard, heartbeat, nowMs);
    expect([100, 119, 120, 139, 140, 1e9].map(next)).deep.equal([120, 120, 140, 140, null, null]);
  });

  it('agrees with nodeStatus: it changes then, and not before', () => {
    for (const sighting of [heard, silent]) {
      for (const suspectAfter of [1, 4, 6]) {
        const rhythm = { ...heartbeat, suspectAfter };
        let nowMs = 100;
        let changes = 0;
        for (;;) {
          const nextMs = statusChangesAtMs(sighting, rhythm, nowMs);
          if (nextMs === null) break;
          expect(nextMs).above(nowMs);
          expect(nodeStatus(sighting, rhythm, nextMs - 1)).equal(nodeStatus(sighting, rhythm, nowMs));
          expect(nodeStatus(sighting, rhythm, nextMs)).not.equal(nodeStatus(sighting, rhythm, nowMs));
          nowMs = nextMs;
          changes++;
        }
        expect(nodeStatus(sighting, rhythm, nowMs)).equal('lost');
        expect(changes).equal(suspectAfter < 4 ? 2 : 1);
      }
    }
  });
});
