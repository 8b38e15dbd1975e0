import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { Nodes } from '../../src/coordinator/nodes.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';
import type { JournalRecord, NodeEntry, Store } from '../../src/store/store.js';
import { ManualClock } from '../support/coordinator/manualClock.js';
import { expectRefusal } from '../support/refusal.js';

const heartbeat = { heartbeatMs: 100, suspectAfter: 2, lostAfter: 4 };

function world({ tokens = false, entries = [] as readonly NodeEntry[], maxNodes = 100 } = {}) {
  const clock = new ManualClock(0);
  const records: JournalRecord[] = [];
  const told: unknown[] = [];
  const presence: string[] = [];
  const store: Store = {
    ...memoryStore(),
    nodes: entries,
    record: async (record) => void records.push(record),
  };
  const nodes = new Nodes({
    store,
    clock,
    heartbeat,
    tokens,
    maxNodes,
    announce: (body) => told.push(body),
    onPresence: (node, present, sessions) =>
      presence.push(`${node} ${present ? 'came' : 'left'} ${sessions.join()}`),
  });
  return { clock, records, told, presence, nodes };
}

const node = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  sessions: ['s'],
  capabilities: {},
  publicKey: null,
  ...more,
});

const status = (name: string, value: string) => ({ type: 'node-status', node: name, status: value });

describe('Nodes', () => {
  it('are as many as may be, however many register at once; one that goes makes room', async () => {
    const { nodes, records } = world({ maxNodes: 3 });
    const all = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((id) => nodes.register(node(id))));
    expect(all.filter((one) => one.status === 'fulfilled')).length(3);
    const { details } = await expectRefusal(() => nodes.register(node('f')), 'TOO_MANY_NODES');
    expect(details.most).equal(3);
    await nodes.register(node('a', { capabilities: { gpu: true } }));
    await nodes.remove('b');
    await nodes.register(node('f'));
    await expectRefusal(() => nodes.register(node('g')), 'TOO_MANY_NODES');
    expect(records).length(6);
  });

  it('say no more of themselves than 4096 bytes, and take part in no more than 1000 sessions', async () => {
    const { nodes, records } = world();
    const notes = (length: number) => ({ capabilities: { notes: '€'.repeat(length) } });
    const most = Math.floor((4096 - '{"notes":""}'.length) / 3);
    await nodes.register(node('a', notes(most)));
    await expectRefusal(() => nodes.register(node('b', notes(most + 1))), 'INVALID_PARAMETER');
    const sessions = (from: number, count: number) => Array.from({ length: count }, (_, i) => `s${from + i}`);
    await nodes.register(node('c', { sessions: sessions(0, 999) }));
    await nodes.register(node('c', { sessions: sessions(999, 1) }));
    const refusal = await expectRefusal(
      () => nodes.register(node('c', { sessions: sessions(1000, 1) })),
      'INVALID_PARAMETER',
    );
    expect(refusal.details.parameter).equal('sessions');
    expect(records).length(3);
  });

  it('are there when they register, durably', async () => {
    const { nodes, records, told, presence } = world();
    const { node: view, token, created } = await nodes.register(node('a', { capabilities: { gpu: true } }));
    expect([created, token]).deep.equal([true, null]);
    expect(view).deep.equal({
      id: 'a',
      status: 'joined',
      sessions: ['s'],
      capabilities: { gpu: true },
      publicKey: null,
      registeredAtMs: 0,
      lastSeenMs: 0,
      heartbeatMs: 100,
    });
    expect(records.map(({ type }) => type)).deep.equal(['node']);
    expect(told).deep.equal([status('a', 'joined')]);
    expect(presence).deep.equal(['a came s']);
  });

  it('are themselves when they register again, and nothing is written', async () => {
    const { nodes, records, presence } = world();
    await nodes.register(node('a'));
    const again = await nodes.register(node('a'));
    expect(again).deep.include({ created: false, token: null });
    expect(again.node.status).equal('healthy');
    expect([records.length, presence.length]).deep.equal([1, 1]);
  });

  it('may take part in more sessions later', async () => {
    const { nodes, records, presence } = world();
    await nodes.register(node('a'));
    const { node: view } = await nodes.register(node('a', { sessions: ['t'] }));
    expect(view.sessions).deep.equal(['s', 't']);
    expect(records).length(2);
    expect(presence).deep.equal(['a came s', 'a came t']);
    nodes.requireIn('a', 't');
    await expectRefusal(() => nodes.requireIn('a', 'u'), 'UNKNOWN_NODE');
  });

  it('are registered once by two calls at once', async () => {
    const { nodes, records } = world({ tokens: true });
    const both = await Promise.all([nodes.register(node('a')), nodes.register(node('a'))]);
    expect(both.map(({ created }) => created)).deep.equal([true, false]);
    expect(both.map(({ token }) => token === null)).deep.equal([false, true]);
    expect(records).length(1);
  });

  it('keep their names from others', async () => {
    const { nodes } = world();
    const publicKey = 'a'.repeat(43);
    await nodes.register(node('a', { publicKey }));
    await expectRefusal(() => nodes.register(node('a', { publicKey: 'b'.repeat(43) })), 'NODE_EXISTS');
    await expectRefusal(() => nodes.register(node('a')), 'NODE_EXISTS');
    expect((await nodes.register(node('a', { publicKey }))).created).equal(false);
  });

  it('get a token of 256 bits once, of which only the hash is kept', async () => {
    const { nodes, records } = world({ tokens: true });
    const { token } = await nodes.register(node('a'));
    const other = await nodes.register(node('b'));
    expect(token).match(/^[A-Za-z0-9_-]{43}$/);
    expect(other.token).not.equal(token);
    expect((await nodes.register(node('a'))).token).equal(null);
    expect(JSON.stringify(records)).not.contain(token);
    expect(records[0]).deep.nested.include({
      'node.tokenHash': createHash('sha256').update(token!).digest('hex'),
    });
    expect(nodes.ownerOf(token!)).equal('a');
    expect(nodes.ownerOf(other.token!)).equal('b');
    expect(nodes.ownerOf(`${token!.slice(0, -1)}~`)).equal(null);
    expect(nodes.ownerOf('')).equal(null);
  });

  it('may choose it themselves, and are known by it when they register again', async () => {
    const { nodes, records } = world({ tokens: true });
    const token = 'a'.repeat(43);
    expect(await nodes.register(node('a', { token }))).deep.include({ created: true, token });
    expect(await nodes.register(node('a', { token }))).deep.include({ created: false, token });
    expect(await nodes.register(node('a'))).deep.include({ created: false, token: null });
    expect(records).length(1);
    expect(JSON.stringify(records)).not.contain(token);
    expect(nodes.ownerOf(token)).equal('a');
    await expectRefusal(() => nodes.register(node('a', { token: 'b'.repeat(43) })), 'NODE_EXISTS');
    await expectRefusal(() => nodes.register(node('b', { token })), 'NODE_EXISTS');
    expect(nodes.ownerOf('b'.repeat(43))).equal(null);

    const open = world();
    expect((await open.nodes.register(node('a', { token }))).token).equal(null);
    expect((await open.nodes.register(node('a', { token: 'b'.repeat(43) }))).created).equal(false);
  });

  it('get one later, if there were none before', async () => {
    const entry: NodeEntry = { ...node('a'), tokenHash: null, registeredAtMs: 0 };
    const { nodes } = world({ tokens: true, entries: [entry] });
    const { token, created } = await nodes.register(node('a'));
    expect(created).equal(false);
    expect(nodes.ownerOf(token!)).equal('a');
  });

  it('turn suspect, then lost, in silence, and healthy when they are heard', async () => {
    const { nodes, clock, told, presence } = world();
    await nodes.register(node('a'));
    clock.advance(150);
    nodes.heartbeat('a');
    clock.advance(199);
    expect(nodes.get('a').status).equal('healthy');
    clock.advance(1);
    expect(nodes.get('a').status).equal('suspect');
    clock.advance(200);
    expect(nodes.get('a').status).equal('lost');
    expect(presence).deep.equal(['a came s', 'a left s']);
    nodes.heartbeat('a');
    expect(presence.at(-1)).equal('a came s');
    clock.advance(400);
    expect(told).deep.equal(
      ['joined', 'healthy', 'suspect', 'lost', 'healthy', 'suspect', 'lost'].map((value) =>
        status('a', value),
      ),
    );
    await nodes.close();
    expect(clock.nextMs).equal(null);
  });

  it('are not there after a restart until they are heard, and lost if they are not', async () => {
    const entries = ['a', 'b'].map((id): NodeEntry => ({
      ...node(id),
      tokenHash: null,
      registeredAtMs: -1e6,
    }));
    const { nodes, clock, presence } = world({ entries });
    expect(nodes.of('s')).deep.equal([
      { id: 'a', present: false },
      { id: 'b', present: false },
    ]);
    expect(nodes.get('a').status).equal('joined');
    nodes.heartbeat('a');
    clock.advance(300);
    nodes.heartbeat('a');
    clock.advance(100);
    expect(presence).deep.equal(['a came s', 'b left s']);
  });

  it('are gone when they are removed', async () => {
    const { nodes, clock, told, records } = world({ tokens: true });
    const { token } = await nodes.register(node('a'));
    expect(await nodes.remove('a')).deep.equal(['s']);
    expect(records.at(-1)).deep.equal({ type: 'node-removed', id: 'a' });
    expect(told.at(-1)).deep.equal({ type: 'node-removed', node: 'a' });
    expect(nodes.ownerOf(token!)).equal(null);
    expect(clock.nextMs).equal(null);
    await expectRefusal(() => nodes.heartbeat('a'), 'UNKNOWN_NODE');
    await expectRefusal(() => nodes.remove('a'), 'UNKNOWN_NODE');
    expect((await nodes.register(node('a'))).created).equal(true);
  });
});
