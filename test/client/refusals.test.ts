/** What a node does about refusals of what it sends: the same content would be refused again. */
import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { createClient, type JoinOptions, joinSession, type NodeEvent } from '../../src/client/index.js';
import { expectRefusal } from '../support/refusal.js';
import { isUpdate, moveBy, play } from './play.js';
import { startSession } from './stage.js';

const impatient = { deadlineMs: 400, retry: { firstMs: 1, maxMs: 1, attempts: 2 } };

describe('a refusal of content', () => {
  const scene = play();

  /** Collects what a node reports. */
  const reporting = (events: NodeEvent[]): Partial<JoinOptions> => ({
    onEvent: (event) => events.push(event),
  });
  const codesOf = (events: readonly NodeEvent[], type: 'refused' | 'sat-out'): string[] =>
    events.flatMap((event) => (event.type === type ? [event.code] : []));

  for (const encoding of ['f32', 'f16'] as const) {
    it(`drops the update and trains again, with ${encoding} and a quorum of all nodes`, async () => {
      await startSession(scene.stage.coordinator, { quorum: 2, rounds: 2, ...impatient });
      const events: NodeEvent[] = [];
      let trained = 0;
      const [diverging, other] = await Promise.all([
        joinSession(
          scene.optionsOf('diverging', {
            encoding,
            train: ({ model }) => ({ update: model.values.fill(++trained === 1 ? NaN : 1) }),
            ...reporting(events),
          }),
        ),
        joinSession(scene.optionsOf('other')),
      ]);
      expect(codesOf(events, 'refused')).deep.equal(['NON_FINITE']);
      expect(diverging).include({ status: 'completed', accepted: 2, refused: 0 });
      expect(diverging.refusal?.code).equal('NON_FINITE');
      expect(other).include({ status: 'completed', accepted: 2, refused: 0, refusal: null });
      expect(trained).equal(3);
      expect([...(await scene.stage.coordinator.model('job')).values]).deep.equal([2, 2, 2]);
    });
  }

  it('trains again at most 3 times a round, over all of its attempts, and then sits it out', async () => {
    await startSession(scene.stage.coordinator, { quorum: 2, rounds: 1, ...impatient });
    const events: NodeEvent[] = [];
    const [diverged, other] = await Promise.all([
      joinSession(scene.optionsOf('diverged', { train: moveBy(NaN), ...reporting(events) })),
      joinSession(scene.optionsOf('other')),
    ]);
    expect(events.filter(({ type }) => type === 'training')).length(4);
    expect(codesOf(events, 'sat-out')).deep.equal(['NON_FINITE']);
    expect(diverged).include({ status: 'failed', accepted: 0, refused: 1 });
    expect(diverged.refusal?.message).match(/non-finite|NaN/i);
    expect(other.status).equal('failed');
  });

  it('leaves a round to the others where the quorum allows it, and says so in the status', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 2, deadlineMs: 2000 });
    const events: NodeEvent[] = [];
    const satOut = [new EventTarget(), new EventTarget()];
    const once = (target: EventTarget) =>
      new Promise((resolve) => target.addEventListener('sat-out', resolve, { once: true }));
    const [first, second] = satOut.map(once);
    const [diverged, other] = await Promise.all([
      joinSession(
        scene.optionsOf('diverged', {
          train: moveBy(NaN),
          onEvent: (event) => {
            events.push(event);
            if (event.type === 'sat-out') satOut[event.round - 1]!.dispatchEvent(new Event('sat-out'));
          },
        }),
      ),
      joinSession(
        scene.optionsOf('other', {
          // Not before the other node is done with the round, which this update may close.
          train: async ({ model, round }) => {
            await (round === 1 ? first : second);
            return { update: model.values.fill(1) };
          },
        }),
      ),
    ]);
    expect(other).include({ status: 'completed', accepted: 2 });
    expect(diverged).include({ status: 'completed', accepted: 0, refused: 2 });
    expect(codesOf(events, 'sat-out')).deep.equal(['NON_FINITE', 'NON_FINITE']);
    const { nodes } = await createClient({ server: scene.stage.url }).session('job');
    expect(nodes.find(({ node }) => node === 'diverged')!.refused).deep.equal({ NON_FINITE: 8 });
  });

  for (const [code, encoding, headers] of [
    ['BAD_SHAPE', 'f16', { 'content-type': 'application/octet-stream' }],
    ['PAYLOAD_TOO_LARGE', 'f32', { 'content-type': 'application/vnd.quorate.f16' }],
    ['UNSUPPORTED_MEDIA_TYPE', 'f32', { 'content-type': 'text/plain' }],
    ['INVALID_PARAMETER', 'f32', { 'quorate-num-examples': '-1' }],
    ['MALFORMED', 'f32', { 'quorate-metrics': '{' }],
    ['HEAD_TOO_LARGE', 'f32', { 'quorate-metrics': 'x'.repeat(50_000) }],
  ] as const) {
    it(`of code ${code} has the node train again`, async () => {
      await startSession(scene.stage.coordinator, { quorum: 1, rounds: 1, ...impatient });
      let spoiled = 0;
      const { url } = await scene.through((request: IncomingMessage, _, pass) => {
        if (isUpdate(request.method, request.url) && spoiled++ === 0) Object.assign(request.headers, headers);
        return pass();
      });
      const events: NodeEvent[] = [];
      const outcome = await joinSession(
        scene.optionsOf('one', { server: url, encoding, ...reporting(events) }),
      );
      expect(codesOf(events, 'refused')).deep.equal([code]);
      expect(events.filter(({ type }) => type === 'training')).length(2);
      expect(outcome).include({ status: 'completed', accepted: 1, refused: 0 });
    });
  }

  it('of a value that the encoding cannot hold has the node train again', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 1, ...impatient });
    const events: NodeEvent[] = [];
    let trained = 0;
    const outcome = await joinSession(
      scene.optionsOf('one', {
        encoding: 'f16',
        train: ({ model }) => ({ update: model.values.fill(++trained === 1 ? 1e6 : 1) }),
        ...reporting(events),
      }),
    );
    expect(codesOf(events, 'refused')).deep.equal(['NON_FINITE_RESULT']);
    expect(outcome).include({ status: 'completed', accepted: 1 });
  });

  it('of an evaluation is reported, and the node goes on', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 2 });
    const { url } = await scene.through((request: IncomingMessage, _, pass) => {
      if (request.url!.includes('/evaluations/')) request.headers['content-type'] = 'text/plain';
      return pass();
    });
    const events: NodeEvent[] = [];
    const evaluate = () => ({ metrics: { accuracy: 0.5 } });
    const outcome = await joinSession(
      scene.optionsOf('one', { server: url, evaluate, ...reporting(events) }),
    );
    expect(new Set(codesOf(events, 'refused'))).deep.equal(new Set(['UNSUPPORTED_MEDIA_TYPE']));
    expect(outcome).include({ status: 'completed', accepted: 2, refused: 0, refusal: null });
  });

  it('of a registration ends the participation at once', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1 });
    const events: NodeEvent[] = [];
    const options = scene.optionsOf('not a name', reporting(events));
    await expectRefusal(() => joinSession(options), 'INVALID_PARAMETER');
    expect(events).deep.equal([]);
  });

  it('of a model leaves the session as it was, for a better one', async () => {
    await scene.stage.coordinator.createSession({ id: 'job', pipeline: 'mean', quorum: 1 });
    const client = createClient({ server: scene.stage.url });
    await expectRefusal(() => client.setModel('job', Float32Array.of(1, NaN)), 'NON_FINITE');
    await expectRefusal(() => client.setModel('job', new Float32Array()), 'EMPTY_INPUT');
    await expectRefusal(() => client.setModel('job', Uint8Array.of(1, 2, 3)), 'MALFORMED');
    expect((await client.session('job')).model).equal(null);
    await client.setModel('job', Float32Array.of(1, 2));
    expect((await client.start('job')).status).equal('running');
  });
});
