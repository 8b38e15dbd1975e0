/** The coordinator in this process. */
import { requireWholeNumber } from '../core/validation.js';
import { createEngine, type Engine } from '../core/engine.js';
import { QuorateError } from '../errors.js';
import type { SessionConfigInput } from '../protocol/sessionConfig.js';
import type {
  Evaluation,
  MetricsPoint,
  ModelView,
  NodeRegistration,
  NodeView,
  RoundSummary,
  RoundView,
  SessionView,
  UpdateReceipt,
} from '../protocol/views.js';
import type { Heartbeat } from '../rounds/machine.js';
import type { CheckpointSummary } from '../store/store.js';
import { systemClock } from '../core/clock.js';
import type { Command } from './session/sessionStatus.js';
import type { Coordinator, CoordinatorOptions, EventFeed, UpdateRequirements } from './coordinator.js';
import type { IncomingUpdate } from './ingest/readChunks.js';
import type { Model, StoredModel } from './session/models.js';
import { EventBus } from './eventBus.js';
import { Nodes } from './nodes.js';
import { metricsPointOf, summaryOf } from './session/roundRecord.js';
import { Sessions } from './sessions.js';
import { UpdateHashes } from './ingest/updateHash.js';
import { committedRoundView, modelView, openRoundView, openSummary, sessionView } from './sessionViews.js';

interface Page {
  readonly from: number;
  readonly limit: number;
}

const standardLiveness = { heartbeatMs: 5000, suspectAfter: 2, lostAfter: 4 };

/**
 * A coordinator on a store, with all that the store holds: sessions that were under way go on.
 *
 * @param options the store is closed with the coordinator, the engine only if it is the coordinator's own
 * @throws QuorateError INVALID_PARAMETER; STORE_FAILED, CORRUPT_FILE
 * @example
 * const coordinator = await createCoordinator({ store: memoryStore() });
 */
export async function createCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const coordinator = new LocalCoordinator(options);
  await coordinator.restore();
  return coordinator;
}

class LocalCoordinator implements Coordinator {
  private readonly options: CoordinatorOptions;
  private readonly engine: Engine;
  private readonly feed: EventBus;
  private readonly members: Nodes;
  private readonly hashes = new UpdateHashes();
  private readonly all: Sessions;
  private closing: Promise<void> | null = null;

  constructor(options: CoordinatorOptions) {
    const { store, clock = systemClock, engine = createEngine(), liveness = standardLiveness } = options;
    checkLiveness(liveness);
    const maxNodes = options.maxNodes ?? 10_000;
    requireWholeNumber('maxNodes', maxNodes, 1, Number.MAX_SAFE_INTEGER);
    const onError = options.onError ?? (() => undefined);
    this.options = options;
    this.engine = engine;
    this.feed = new EventBus(store.events, (error) => onError(error, { in: 'a listener of events' }));
    const announce = (body: Readonly<Record<string, unknown>>) =>
      this.feed.announce(clock.toWall(clock.now()), body);
    this.members = new Nodes({
      store,
      clock,
      heartbeat: liveness,
      tokens: options.tokens ?? false,
      maxNodes,
      announce,
      onPresence: (node, present, sessions) => this.all.presence(node, present, sessions),
    });
    this.all = new Sessions({
      store,
      nodes: this.members,
      hashes: this.hashes,
      takesDigests: options.digests ?? true,
      engine,
      clock,
      evaluate: options.evaluate,
      onStep: options.onStep,
      announce,
      events: store.events,
      record: (record) => store.record(record),
      onError,
    });
  }

  restore(): Promise<void> {
    return this.all.restore();
  }

  get events(): EventFeed {
    return this.feed;
  }

  async registerNode(registration: NodeRegistration) {
    this.requireOpen();
    return this.members.register(registration);
  }

  nodeOfToken(token: string): string | null {
    return this.members.ownerOf(token);
  }

  nodes(): readonly NodeView[] {
    return this.members.all();
  }

  node(id: string): NodeView {
    return this.members.get(id);
  }

  heartbeat(id: string): NodeView {
    this.requireOpen();
    return this.members.heartbeat(id);
  }

  async removeNode(id: string): Promise<void> {
    this.requireOpen();
    this.all.removed(id, await this.members.remove(id));
  }

  async createSession(config: SessionConfigInput): Promise<SessionView> {
    this.requireOpen();
    return sessionView(await this.all.create(config));
  }

  sessions(): readonly SessionView[] {
    return this.all.list().map((session) => sessionView(session));
  }

  session(id: string, node?: string): SessionView {
    return sessionView(this.all.get(id), node);
  }

  start(id: string): Promise<SessionView> {
    return this.control(id, 'start');
  }

  pause(id: string): Promise<SessionView> {
    return this.control(id, 'pause');
  }

  resume(id: string): Promise<SessionView> {
    return this.control(id, 'resume');
  }

  stop(id: string): Promise<SessionView> {
    return this.control(id, 'stop');
  }

  async deleteSession(id: string): Promise<void> {
    this.requireOpen();
    await this.all.remove(id);
  }

  async setModel(
    session: string,
    model: Model,
    condition?: (current: StoredModel | null) => void | Promise<void>,
  ): Promise<ModelView> {
    this.requireOpen();
    const target = this.all.get(session);
    await target.setModel(model, condition);
    return modelView(target.models.require());
  }

  async model(session: string, round?: number): Promise<StoredModel> {
    return this.all.get(session).models.read(round);
  }

  async checkpoints(session: string): Promise<readonly CheckpointSummary[]> {
    return this.all.get(session).store.checkpoints();
  }

  async rounds(id: string, page: Page): Promise<readonly RoundSummary[]> {
    const session = this.all.get(id);
    const committed = session.archive.lines(page).map(summaryOf);
    const open = openSummary(session);
    const isNext = open && open.number >= page.from && committed.length < page.limit;
    return isNext ? [...committed, open] : committed;
  }

  async round(id: string, number: number): Promise<RoundView> {
    const session = this.all.get(id);
    const open = openSummary(session);
    if (open?.number === number) return openRoundView(session, open);
    if (number > session.state.committed || number < 1) {
      throw new QuorateError('UNKNOWN_ROUND', `session ${id} has no round ${number}`, {
        session: id,
        number,
      });
    }
    return committedRoundView(await session.archive.record(number), session.archive.line(number));
  }

  admitUpdate({
    session: id,
    node,
    round,
  }: Pick<IncomingUpdate, 'session' | 'round' | 'node'>): UpdateRequirements {
    this.requireOpen();
    const session = this.all.get(id);
    this.members.requireIn(node, id);
    this.all.uploads(id).admit(node, round);
    const { values, tensors } = session.models.require();
    return { d: values.length, tensors };
  }

  async receiveUpdate(incoming: IncomingUpdate): Promise<UpdateReceipt> {
    this.requireOpen();
    const uploads = this.all.uploads(incoming.session);
    this.members.requireIn(incoming.node, incoming.session);
    this.members.heartbeat(incoming.node);
    return uploads.receive(incoming);
  }

  async update(id: string, round: number, node: string) {
    const session = this.all.get(id);
    const sizeBytes = session.models.require().values.length * 4;
    return { sizeBytes, ...(await session.readUpdate(round, node)) };
  }

  async receiveEvaluation(id: string, round: number, node: string, evaluation: Evaluation): Promise<void> {
    this.requireOpen();
    const session = this.all.get(id);
    this.members.requireIn(node, id);
    this.members.heartbeat(node);
    await session.evaluated(node, round, evaluation);
  }

  async metrics(id: string, page: Page): Promise<readonly MetricsPoint[]> {
    return this.all.get(id).archive.lines(page).map(metricsPointOf);
  }

  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  private async control(id: string, command: Command): Promise<SessionView> {
    this.requireOpen();
    const session = this.all.get(id);
    await session.control(command);
    return sessionView(session);
  }

  private async end(): Promise<void> {
    await Promise.all([this.members.close(), this.all.close()]);
    await this.hashes.close();
    if (!this.options.engine) await this.engine.dispose();
    await this.options.store.close();
  }

  /** @throws QuorateError SHUTTING_DOWN */
  private requireOpen(): void {
    if (this.closing) throw new QuorateError('SHUTTING_DOWN', 'the coordinator is closing');
  }
}

/** @throws QuorateError INVALID_PARAMETER */
function checkLiveness({ heartbeatMs, suspectAfter, lostAfter }: Heartbeat): void {
  requireWholeNumber('liveness.heartbeatMs', heartbeatMs, 1, 2 ** 31 - 1);
  requireWholeNumber('liveness.suspectAfter', suspectAfter, 1, 1e6);
  requireWholeNumber('liveness.lostAfter', lostAfter, suspectAfter, 1e6);
}
