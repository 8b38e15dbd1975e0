/** A node's part in a session, played to a real server. */
import { expect } from 'chai';
import {
  createClient,
  joinSession,
  type JoinOptions,
  type NodeEvent,
  type Train,
} from '../../src/client/index.js';
import { join } from '../../src/client/joinSession.js';
import { expectRefusal } from '../support/refusal.js';
import { openProxy, openStage, type Proxy, type Stage, startSession } from './stage.js';

/** Moves every value of the model by `step`. */
const moveBy =
  (step: number): Train =>
  ({ model }) => ({ update: model.values.fill(step), numExamples: 1 });

const quick = { firstMs: 5, mostMs: 50, seed: 1 };

describe('joinSession', () => {
  let stage: Stage;
  const proxies: Proxy[] = [];

  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    await stage.close();
  });

  const optionsOf = (node: string, more: Partial<JoinOptions> = {}): JoinOptions => ({
    server: stage.url,
    session: 'job',
    node,
    train: moveBy(1),
    retry: quick,
    ...more,
  });

  const through = async (
    ...meddling: Parameters<typeof openProxy> extends [string, ...infer R] ? R : never
  ) => {
    const proxy = await openProxy(stage.url, ...meddling);
    proxies.push(proxy);
    return proxy;
  };

  const isUpdate = (method: string | undefined, url: string | undefined): boolean =>
    method === 'PUT' && url!.includes('/updates/');

  it('trains every round until the session is completed', async () => {
    await startSession(stage.coordinator, { quorum: 2, rounds: 4 });
    const seen: number[][] = [];
    const [one, two] = await Promise.all([
      joinSession(
        optionsOf('one', {
          train: ({ model, round, config }) => {
            seen.push([model.round, round, model.values[0]]);
            expect([model.tensors, config]).deep.equal([[{ name: 'model', shape: [3] }], {}]);
            return { update: model.values.fill(1) };
          },
        }),
      ),
      joinSession(optionsOf('two', { train: moveBy(3) })),
    ]);
    expect(one).deep.equal({ status: 'completed', reason: one.reason, committed: 4, accepted: 4 });
    expect(two.accepted).equal(4);
    expect(seen).deep.equal([
      [0, 1, 0],
      [1, 2, 2],
      [2, 3, 4],
      [3, 4, 6],
    ]);
    const { values, round } = await createClient({ server: stage.url }).model('job');
    expect([round, ...values]).deep.equal([4, 8, 8, 8]);
  });

  it('tells of what it sends, with the numbers that training gave', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 1 });
    const events: NodeEvent[] = [];
    await joinSession(
      optionsOf('one', {
        train: ({ model }) => ({ update: model.values, numExamples: 7, metrics: { 'loß "x"': 0.25 } }),
        onEvent: (event) => events.push(event),
      }),
    );
    const { updates } = await stage.coordinator.round('job', 1);
    expect(updates[0]).include({ node: 'one', numExamples: 7 });
    expect(updates[0].metrics).deep.equal({ 'loß "x"': 0.25 });
    const kinds = events.map(({ type }) => type).filter((type) => !type.includes('connected'));
    expect(kinds).deep.equal(['registered', 'training', 'accepted']);
  });

  for (const [encoding, step] of [
    ['f16', 0.5],
    ['bf16', 0.5],
    ['int8', 1],
  ] as const) {
    it(`sends ${encoding}`, async () => {
      await startSession(stage.coordinator, { quorum: 1, rounds: 2 });
      await joinSession(optionsOf('one', { encoding, train: moveBy(step) }));
      const { values } = await stage.coordinator.model('job');
      for (const value of values) expect(value).closeTo(2 * step, 1e-6);
    });
  }

  it('goes on by asking where there are no sockets', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 2 });
    const { url, upgrades } = await through((_, __, pass) => pass(), false);
    const events: string[] = [];
    const outcome = await joinSession(
      optionsOf('one', { server: url, onEvent: ({ type }) => events.push(type) }),
    );
    expect(outcome.status).equal('completed');
    expect(upgrades()).greaterThan(0);
    expect(events).not.include('connected');
  });

  it('follows events where there is a socket, and need not ask', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 20 });
    let views = 0;
    const { url } = await through((request, _, pass) => {
      if (request.url!.endsWith('/sessions/job?node=one')) views++;
      return pass();
    });
    await joinSession(optionsOf('one', { server: url }));
    expect(views).within(1, 6);
  });

  it('sends the very same bytes again when the answer is lost, and trains once', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 3 });
    const lost = new Set<string>();
    const { url } = await through(async (request, response, pass) => {
      const first = isUpdate(request.method, request.url) && !lost.has(request.url!);
      if (!first) return pass();
      lost.add(request.url!);
      const { socket } = response;
      await pass(() => (socket!.destroy(), Buffer.alloc(0)));
    });
    let trained = 0;
    const receipts: boolean[] = [];
    const outcome = await joinSession(
      optionsOf('one', {
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
    expect([...(await stage.coordinator.model('job')).values]).deep.equal([6, 6, 6]);
    expect(stage.coordinator.nodes()).length(1);
    const { nodes } = stage.coordinator.session('job');
    expect(nodes[0].refused).deep.equal({});
  });

  it('does not use a model whose bytes are not what its digest says', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 1 }, [1, 2, 3]);
    let spoiled = 0;
    const { url } = await through((request, _, pass) => {
      const spoil = request.url!.endsWith('/model') && spoiled++ < 2;
      return pass(spoil ? (body) => Buffer.from(body).fill(0x41, 0, 4) : undefined);
    });
    const codes: string[] = [];
    let seen: number[] = [];
    await joinSession(
      optionsOf('one', {
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
      await startSession(stage.coordinator, { quorum: 1, targetUpdates: 1, rounds: 2 });
      let release = (): void => undefined;
      const waiting = new Promise<void>((resolve) => (release = resolve));
      const superseded: number[] = [];
      const slow = joinSession(
        optionsOf('slow', {
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
        optionsOf('fast', {
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
      expect([...(await stage.coordinator.model('job')).values]).deep.equal([6, 6, 6]);
    });
  }

  it('sends a failed attempt’s update again, without training again', async () => {
    await startSession(stage.coordinator, {
      quorum: 2,
      rounds: 1,
      deadlineMs: 150,
      retry: { firstMs: 1, mostMs: 1, attempts: null },
    });
    let trained = 0;
    const attempts: number[] = [];
    const one = joinSession(
      optionsOf('one', {
        train: ({ model }) => ({ update: model.values.fill(++trained) }),
        onEvent: ({ type }) => {
          if (type === 'accepted') attempts.push(stage.coordinator.session('job').round?.attempt ?? 0);
        },
      }),
    );
    let failures = 0;
    let began = (): void => undefined;
    const another = new Promise<void>((resolve) => (began = resolve));
    const unsubscribe = stage.coordinator.events.subscribe(({ body }) => {
      if (body.type === 'round-failed' && ++failures === 1) began();
    });
    const two = joinSession(
      optionsOf('two', {
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
    expect([...(await stage.coordinator.model('job')).values]).deep.equal([2, 2, 2]);
  });

  it('evaluates committed models, the last one too', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 2 });
    const evaluated: NodeEvent[] = [];
    await joinSession(
      optionsOf('one', {
        evaluate: ({ model }) => ({ metrics: { first: model.values[0] }, numExamples: 10 }),
        onEvent: (event) => {
          if (event.type === 'evaluated') evaluated.push(event);
        },
      }),
    );
    expect(evaluated.at(-1)).deep.equal({ type: 'evaluated', round: 2, metrics: { first: 2 } });
    const points = await stage.coordinator.metrics('job', { from: 0, limit: 10 });
    expect(points.at(-1)?.metrics).include({ first: 2 });
  });

  it('registers again when the server does not know it any more', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 2 });
    let registered = 0;
    const outcome = await joinSession(
      optionsOf('one', {
        train: async ({ model, round }) => {
          if (round === 2) await stage.coordinator.removeNode('one');
          return { update: model.values };
        },
        onEvent: ({ type }) => {
          if (type === 'registered') registered++;
        },
      }),
    );
    expect(outcome.status).equal('completed');
    expect(registered).greaterThan(1);
  });

  it('goes on after an update that the server refuses', async () => {
    await startSession(stage.coordinator, { quorum: 1, targetUpdates: 1, rounds: 1 });
    const refused: string[] = [];
    const liar = joinSession(
      optionsOf('liar', {
        train: moveBy(NaN),
        onEvent: (event) => {
          if (event.type === 'refused') {
            refused.push(event.code);
            void joinSession(optionsOf('one'));
          }
        },
      }),
    );
    expect(await liar).include({ status: 'completed', accepted: 0 });
    expect(refused).deep.equal(['NON_FINITE']);
  });

  it('ends with the session, and says how', async () => {
    await startSession(stage.coordinator, { quorum: 5 });
    const joined = joinSession(
      optionsOf('one', {
        onEvent: ({ type }) => {
          if (type === 'connected') void stage.coordinator.stop('job');
        },
      }),
    );
    expect(await joined).include({ status: 'stopped', committed: 0, accepted: 0 });
  });

  it('rejects with ABORTED when it is given up, and sends nothing more', async () => {
    await startSession(stage.coordinator, { quorum: 5 });
    let requests = 0;
    const { url } = await through((_, __, pass) => {
      requests++;
      return pass();
    });
    const controller = new AbortController();
    const joined = joinSession(
      optionsOf('one', {
        server: url,
        signal: controller.signal,
        onEvent: ({ type }) => {
          if (type === 'connected') controller.abort();
        },
      }),
    );
    await expectRefusal(() => joined, 'ABORTED');
    const before = requests;
    await new Promise((resolve) => setTimeout(resolve, 400)); // two heartbeats
    expect(requests).equal(before);
  });

  it('rejects with TRAINING_FAILED when train throws or returns something else than an update', async () => {
    await startSession(stage.coordinator, { quorum: 1 });
    const broken: Train[] = [
      () => {
        throw new Error('no data');
      },
      () => ({ update: new Float32Array(2) }),
      () => ({ update: [1, 2, 3] as unknown as Float32Array }),
      () => ({ update: new Float32Array(3), numExamples: -1 }),
      () => ({ update: new Float32Array(3), metrics: { loss: NaN } }),
    ];
    for (const train of broken)
      await expectRefusal(() => joinSession(optionsOf('one', { train })), 'TRAINING_FAILED');
    expect(stage.coordinator.session('job').nodes[0].accepted).equal(0);
  });

  it('rejects with the server’s code for what it refuses for good', async () => {
    await expectRefusal(() => joinSession(optionsOf('one')), 'UNKNOWN_SESSION');
  });

  it('rejects with CONNECTION_FAILED when no server is found for long enough', async () => {
    const { url, close } = await openProxy(stage.url, (_, __, pass) => pass());
    await close();
    const retry = { ...quick, giveUpAfterMs: 100 };
    const error = await expectRefusal(
      () => joinSession(optionsOf('one', { server: url, retry })),
      'CONNECTION_FAILED',
    );
    expect(error.message).include('ECONNREFUSED');
  });

  it('rejects with BAD_RESPONSE where something else answers', async () => {
    const { url } = await through((_, response) => void response.end('hello'));
    await expectRefusal(() => joinSession(optionsOf('one', { server: url })), 'BAD_RESPONSE');
  });

  it('survives a socket that is cut, and misses nothing', async () => {
    await startSession(stage.coordinator, { quorum: 1, rounds: 3 });
    let cut = false;
    const sockets: (() => void)[] = [];
    const outcome = await join(
      optionsOf('one', {
        train: ({ model, round }) => {
          if (round === 2) sockets.forEach((close) => close());
          cut ||= round === 2;
          return { update: model.values };
        },
      }),
      ({ signal }) =>
        new Promise((resolve) => {
          sockets.push(resolve);
          signal.addEventListener('abort', () => resolve());
        }),
    );
    expect([outcome.status, cut]).deep.equal(['completed', true]);
  });

  it('refuses options that it does not have, before it sends anything', async () => {
    await expectRefusal(
      () => joinSession({ ...optionsOf('one'), nodes: 1 } as JoinOptions),
      'UNKNOWN_PARAMETER',
    );
    await expectRefusal(() => joinSession(optionsOf('one', { server: 'ftp://x' })), 'INVALID_PARAMETER');
    await expectRefusal(
      () => joinSession(optionsOf('one', { encoding: 'f64' as 'f32' })),
      'INVALID_PARAMETER',
    );
    await expectRefusal(() => joinSession(optionsOf('one', { train: 5 as unknown as Train })), 'BAD_TYPE');
    expect(stage.coordinator.nodes()).deep.equal([]);
  });
});

describe('joinSession with tokens', () => {
  const enrolmentToken = 'enrolment-0123456789';
  let stage: Stage;
  before(async () => {
    stage = await openStage({ auth: { enabled: true, adminToken: 'admin-0123456789abc', enrolmentToken } });
    await startSession(stage.coordinator, { quorum: 1, rounds: 1 });
  });
  after(() => stage.close());

  it('registers with the enrolment token, and comes back with the one that this gave it', async () => {
    const options = { server: stage.url, session: 'job', node: 'one', train: moveBy(1), retry: quick };
    await expectRefusal(() => joinSession(options), 'UNAUTHORIZED');

    const tokens: (string | null)[] = [];
    const onEvent = (event: NodeEvent): void => {
      if (event.type === 'registered') tokens.push(event.token);
    };
    expect(await joinSession({ ...options, enrolmentToken, onEvent })).include({ accepted: 1 });
    await expectRefusal(() => joinSession({ ...options, enrolmentToken }), 'NODE_EXISTS');

    const [token] = tokens;
    expect(await joinSession({ ...options, token, onEvent })).include({ status: 'completed', accepted: 0 });
    expect(tokens).deep.equal([token, null]);
    await expectRefusal(() => joinSession({ ...options, node: 'two', token }), 'NOT_YOUR_NODE');
  });
});
