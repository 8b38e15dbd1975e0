/** What a node trains, sends and measures, whatever becomes of its answers and its rounds. */
import { expect } from 'chai';
import { joinSession, type NodeEvent } from '../../src/client/index.js';
import { expectRefusal } from '../support/refusal.js';
import { isUpdate, moveBy, play } from './play.js';
import { startSession } from './stage.js';

describe('participate', () => {
  const scene = play();

  for (const [name, mode] of [
    ['in sync mode', 'sync'],
    ['into a buffer', { buffered: { bufferSize: 1, maxStaleness: 2 } }],
  ] as const) {
    it(`sends the very same bytes again when the answer is lost, and trains once, ${name}`, async () => {
      await startSession(scene.stage.coordinator, { quorum: 1, rounds: 3, mode });
      const lost = new Set<string>();
      const { url } = await scene.through(async (request, response, pass) => {
        const first = isUpdate(request.method, request.url) && !lost.has(request.url!);
        if (!first) return pass();
        lost.add(request.url!);
        const { socket } = response;
        await pass(() => (socket!.destroy(), Buffer.alloc(0)));
      });
      let trained = 0;
      const receipts: boolean[] = [];
      const outcome = await joinSession(
        scene.optionsOf('one', {
          server: url,
          train: ({ model }) => ({ update: model.values.fill(++trained) }),
          onEvent: (event) => {
            if (event.type === 'accepted') receipts.push(event.receipt.repeated);
          },
        }),
      );
      expect(lost.size).equal(3);
      expect(trained).equal(3);
      expect(outcome.status).equal('completed');
      expect([...(await scene.stage.coordinator.model('job')).values]).deep.equal([6, 6, 6]);
      expect(scene.stage.coordinator.nodes()).length(1);
      const { nodes } = scene.stage.coordinator.session('job');
      expect(nodes[0]!.refused).deep.equal({});
    });
  }

  it('does not use a model whose bytes are not what its digest says', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 1 }, [1, 2, 3]);
    let spoiled = 0;
    const { url } = await scene.through((request, _, pass) => {
      const spoil = request.url!.endsWith('/model') && spoiled++ < 2;
      return pass(spoil ? (body) => Buffer.from(body).fill(0x41, 0, 4) : undefined);
    });
    const codes: string[] = [];
    let seen: number[] = [];
    await joinSession(
      scene.optionsOf('one', {
        server: url,
        train: ({ model }) => {
          seen = [...model.values];
          return { update: model.values };
        },
        onEvent: (event) => {
          if (event.type === 'retrying') codes.push(event.code);
        },
      }),
    );
    expect(codes).deep.equal(['BAD_DIGEST', 'BAD_DIGEST']);
    expect(seen).deep.equal([1, 2, 3]);
  });

  for (const [reaction, settle] of [
    [
      'rejects',
      (_: Float32Array, __: unknown, reject: (reason: Error) => void) => reject(new Error('given up')),
    ],
    [
      'returns an update all the same',
      (update: Float32Array, resolve: (trained: { update: Float32Array }) => void) => resolve({ update }),
    ],
  ] as const) {
    it(`ends training that then ${reaction} when the round is closed without it`, async () => {
      await startSession(scene.stage.coordinator, { quorum: 1, targetUpdates: 1, rounds: 2 });
      let release = (): void => undefined;
      const waiting = new Promise<void>((resolve) => (release = resolve));
      const superseded: number[] = [];
      const slow = joinSession(
        scene.optionsOf('slow', {
          train: ({ model, round, signal }) => {
            if (round > 1) return { update: model.values.fill(5) };
            release();
            return new Promise((resolve, reject) => {
              signal.addEventListener('abort', () => settle(model.values, resolve, reject));
            });
          },
          onEvent: (event) => {
            if (event.type === 'superseded') superseded.push(event.round);
          },
        }),
      );
      await waiting;
      const controller = new AbortController();
      const fast = joinSession(
        scene.optionsOf('fast', {
          signal: controller.signal,
          onEvent: ({ type }) => {
            if (type === 'accepted') controller.abort();
          },
        }),
      );
      await expectRefusal(() => fast, 'ABORTED');
      const outcome = await slow;
      expect(superseded).deep.equal([1]);
      expect(outcome).include({ status: 'completed', accepted: 1 });
      expect([...(await scene.stage.coordinator.model('job')).values]).deep.equal([6, 6, 6]);
    });
  }

  it('sends a failed attempt’s update again, without training again', async () => {
    await startSession(scene.stage.coordinator, {
      quorum: 2,
      rounds: 1,
      deadlineMs: 150,
      retry: { firstMs: 1, maxMs: 1, attempts: null },
    });
    let trained = 0;
    const attempts: number[] = [];
    const one = joinSession(
      scene.optionsOf('one', {
        train: ({ model }) => ({ update: model.values.fill(++trained) }),
        onEvent: ({ type }) => {
          if (type === 'accepted') attempts.push(scene.stage.coordinator.session('job').round?.attempt ?? 0);
        },
      }),
    );
    let failures = 0;
    let began = (): void => undefined;
    const another = new Promise<void>((resolve) => (began = resolve));
    const unsubscribe = scene.stage.coordinator.events.subscribe(({ body }) => {
      if (body.type === 'round-failed' && ++failures === 1) began();
    });
    const two = joinSession(
      scene.optionsOf('two', {
        // It trains until the first attempt has failed.
        train: async ({ model }) => {
          await another;
          return { update: model.values.fill(3) };
        },
      }),
    );
    await Promise.all([one, two]);
    unsubscribe();
    expect(failures).greaterThan(0);
    expect(trained).equal(1);
    expect([...(await scene.stage.coordinator.model('job')).values]).deep.equal([2, 2, 2]);
  });

  it('evaluates committed models, the last one too', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 2 });
    const evaluated: NodeEvent[] = [];
    await joinSession(
      scene.optionsOf('one', {
        evaluate: ({ model }) => ({ metrics: { first: model.values[0]! }, numExamples: 10 }),
        onEvent: (event) => {
          if (event.type === 'evaluated') evaluated.push(event);
        },
      }),
    );
    // Before its next update: the commit that the update brings about is the end of evaluating.
    expect(evaluated).deep.equal(
      [1, 2].map((round) => ({ type: 'evaluated', round, metrics: { first: round } })),
    );
    const points = await scene.stage.coordinator.metrics('job', { from: 1, limit: 10 });
    expect(points.map(({ metrics }) => metrics.first)).deep.equal([1, 2]);
  });

  it('goes on after an update that the server refuses', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, targetUpdates: 1, rounds: 1 });
    const refused: string[] = [];
    const liar = joinSession(
      scene.optionsOf('liar', {
        train: moveBy(NaN),
        onEvent: (event) => {
          if (event.type !== 'refused') return;
          if (refused.length === 0) void joinSession(scene.optionsOf('one'));
          refused.push(event.code);
        },
      }),
    );
    expect(await liar).include({ status: 'completed', accepted: 0 });
    expect(refused).include('NON_FINITE');
  });
});
