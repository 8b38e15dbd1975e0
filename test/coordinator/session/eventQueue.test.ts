import { expect } from 'chai';
import { vectorDigest } from '../../../src/aggregation/report.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import { nodeName, scene, sendAll, SESSION, updateOf } from '../../support/coordinator/scene.js';
import { expectRefusal } from '../../support/refusal.js';

const d = 20;

describe('a session’s rounds', () => {
  it('ask a seeded sample, and refuse the others', async () => {
    const stage = await scene();
    await stage.register(6);
    await stage.begin({ quorum: 2, rounds: 2, selection: { sample: 2, seed: 5 } }, d);
    const { body } = await stage.opened(1);
    const asked = body.asked as string[];
    expect(asked).length(2);
    const other = [0, 1, 2, 3, 4, 5].map(nodeName).find((node) => !asked.includes(node))!;
    await expectRefusal(() => stage.send(other, 1, updateOf(9, 1, d)), 'NOT_ASKED');
    for (const node of asked) await stage.send(node, 1, updateOf(1, 1, d));
    await stage.committed(1);
    const { nodes } = stage.coordinator.session(SESSION);
    expect(nodes.find(({ node }) => node === other)).deep.include({
      roundsAsked: 0,
      refused: { NOT_ASKED: 1 },
    });
    await stage.coordinator.close();
  });

  it('close at the deadline with a quorum', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(4);
    await stage.begin({ quorum: 2, rounds: 1, deadlineMs: 500 }, d);
    await sendAll(stage, [0, 1, 2], 1, d);
    clock.advance(499);
    expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
    clock.advance(1);
    await stage.committed(1);
    expect(stage.told('round-closed')).deep.equal([
      { type: 'round-closed', round: 1, updates: 3, session: SESSION },
    ]);
    await stage.coordinator.close();
  });

  it('fail at the deadline without a quorum, and are tried again with fresh updates', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(3);
    await stage.begin({ quorum: 3, rounds: 1, deadlineMs: 500, retry: { firstMs: 100 } }, d);
    await sendAll(stage, [0, 1], 1, d);
    clock.advance(500);
    expect(stage.told('round-failed')).deep.include.members([
      {
        type: 'round-failed',
        round: 1,
        attempt: 1,
        code: 'TOO_FEW_UPDATES',
        message: '2 updates arrived within 500 ms; the quorum is 3.',
        session: SESSION,
      },
    ]);
    await expectRefusal(() => stage.send(2, 1, updateOf(2, 1, d)), 'ROUND_NOT_OPEN');
    clock.advance(100);
    await stage.opened(1, 2);
    // Another update than in the first attempt is no conflict.
    await Promise.all([0, 1, 2].map((node) => stage.send(node, 1, updateOf(node + 10, 1, d))));
    await stage.committed(1);
    const { updates, attempt } = await stage.coordinator.round(SESSION, 1);
    expect(attempt).equal(2);
    expect(updates.map(({ digest }) => digest)).deep.equal(
      [0, 1, 2].map((node) => vectorDigest(updateOf(node + 10, 1, d))),
    );
    await stage.coordinator.close();
  });

  it('end the session after their last attempt', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(2);
    await stage.begin({ quorum: 2, deadlineMs: 500, retry: { attempts: 1 } }, d);
    clock.advance(500);
    expect(stage.coordinator.session(SESSION).status).equal('failed');
    expect(stage.coordinator.session(SESSION).reason).contain('Round 1 failed');
    await stage.coordinator.close();
  });

  it('learn their deadline from response times', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(3);
    const adaptiveDeadline = { quantile: 1, slack: 2, minMs: 10 };
    await stage.begin({ quorum: 2, rounds: 2, deadlineMs: 10_000, adaptiveDeadline }, d);
    clock.advance(100);
    await sendAll(stage, [0, 1, 2], 1, d);
    await stage.committed(1);
    const { body } = await stage.opened(2);
    expect(body.deadlineAtMs).equal(clock.now() + 200);
    await stage.coordinator.close();
  });

  it('leave out a node that was suspicious too often', async () => {
    const stage = await scene();
    await stage.register(5);
    await stage.begin(
      { quorum: 4, rounds: 4, pipeline: 'median', exclude: { rounds: 2, suspicion: 0.9 } },
      d,
    );
    for (const round of [1, 2]) {
      await stage.opened(round);
      await sendAll(stage, [0, 1, 2, 3], round, d);
      await stage.send(4, round, new Float32Array(d).fill(1000));
      await stage.committed(round);
    }
    expect(stage.told('node-excluded')).deep.equal([
      { type: 'node-excluded', node: nodeName(4), round: 2, session: SESSION },
    ]);
    await expectRefusal(() => stage.send(4, 3, updateOf(4, 3, d)), 'NODE_EXCLUDED');
    await sendAll(stage, [0, 1, 2, 3], 3, d); // complete without it
    await stage.committed(3);
    const metrics = await stage.coordinator.metrics(SESSION, { from: 2, limit: 1 });
    expect(metrics[0]!.maxSuspicion).above(0.9);
    await stage.coordinator.close();
  });

  it('wait for nodes that were lost, and go on when they are back', async () => {
    const clock = new ManualClock();
    const liveness = { heartbeatMs: 100, suspectAfter: 2, lostAfter: 4 };
    const stage = await scene({ clock, liveness });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 2, deadlineMs: 60_000 }, d);
    await sendAll(stage, [0, 1], 1, d);
    await stage.committed(1);
    await stage.opened(2);
    clock.advance(399);
    stage.coordinator.heartbeat(nodeName(0));
    clock.advance(1);
    expect(stage.coordinator.node(nodeName(1)).status).equal('lost');
    expect(stage.coordinator.session(SESSION).nodes.map(({ present }) => present)).deep.equal([true, false]);
    expect(stage.coordinator.heartbeat(nodeName(1)).status).equal('healthy');
    await sendAll(stage, [0, 1], 2, d);
    await stage.committed(2);
    await stage.coordinator.close();
  });

  it('commit what is under way through a pause, and open no other', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 2 }, d);
    await stage.send(0, 1, updateOf(0, 1, d));
    expect((await stage.coordinator.pause(SESSION)).status).equal('paused');
    await stage.send(1, 1, updateOf(1, 1, d));
    await stage.committed(1);
    expect(stage.coordinator.session(SESSION).round?.phase).equal('waiting');
    await expectRefusal(() => stage.send(0, 2, updateOf(0, 2, d)), 'ROUND_NOT_OPEN');
    await stage.coordinator.resume(SESSION);
    await sendAll(stage, [0, 1], 2, d);
    await stage.committed(2);
    await stage.coordinator.close();
  });

  it('are discarded when the session is stopped', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    await stage.send(0, 1, updateOf(0, 1, d));
    expect((await stage.coordinator.stop(SESSION)).status).equal('stopped');
    await expectRefusal(() => stage.send(1, 1, updateOf(1, 1, d)), 'ROUND_CLOSED');
    await expectRefusal(() => stage.coordinator.update(SESSION, 1, nodeName(0)), 'UNKNOWN_ROUND');
    await stage.coordinator.close();
  });
});
