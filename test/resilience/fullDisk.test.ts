/** The disk is full: of a limit on the size of files, which every process may set itself; of a small file system. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuorateError } from '../../src/client/index.js';
import type { UpdateReceipt } from '../../src/protocol/views.js';
import { bytesOf, sha256 } from '../support/storeData.js';
import { measured } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { committed, Senders, senderSettings } from './senders.js';
import { type Served, serve } from './serve.js';
import { nodeName, SESSION } from './system.js';
import { updateOf } from './trainer.js';

const NODES = 6;
const ROUNDS = 3;
const D = 34_000;
const ROW_BYTES = 4 * D;
const session = { pipeline: 'trimmed-mean(f=1)', optimizer: 'fed-adam', rounds: ROUNDS };
const senders = new Senders(NODES, D, session);

describe('a server whose disk is full', function () {
  this.timeout(300_000);
  let folder: string;
  let running: Served[];

  before(function () {
    if (process.platform !== 'linux' || spawnSync('prlimit', ['--version']).status !== 0) this.skip();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-resilience-'));
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((server) => server.kill()));
    await rm(folder, { recursive: true, force: true });
  });

  async function start(prefix: readonly string[]): Promise<Served> {
    const server = await serve({ data: folder, settings: senderSettings, prefix });
    running.push(server);
    return server;
  }

  /** Room for three updates of six, and for any checkpoint. */
  const limited = ['prlimit', `--fsize=${3 * (ROW_BYTES + 2 ** 14) + 3 * 4096}:unlimited`];

  it('refuses an update with 507, and takes it when the limit is gone', async () => {
    const server = await start(limited);
    const { client, pid } = server;
    await senders.begin(client);
    const acknowledged: UpdateReceipt[] = [];
    const { taken, refused } = await senders.send(client, 1);
    acknowledged.push(...taken);
    expect([taken.length, refused.map(said)]).deep.equal([3, Array(3).fill('507 STORE_FULL')]);
    await expectKept(server, taken);

    spawnSync('prlimit', ['--pid', String(pid), '--fsize=unlimited']);
    for (let round = 1; round <= ROUNDS; round++)
      acknowledged.push(...(await senders.complete(client, round)));
    await expectEnd(server, acknowledged);
    measured(
      `a limit on files: ${taken.length} of ${NODES} updates acknowledged, ${refused.length} refused with 507`,
    );
  });

  it('has what it acknowledged when it is killed then, and goes on', async () => {
    const server = await start(limited);
    const { client } = server;
    await senders.begin(client);
    const { taken } = await senders.send(client, 1);
    await server.kill();

    const again = await start([]);
    await expectKept(again, taken);
    const acknowledged = [...taken];
    for (let round = 1; round <= ROUNDS; round++)
      acknowledged.push(...(await senders.complete(again.client, round)));
    await expectEnd(again, acknowledged);
    for (const { round, node } of taken) {
      expect(acknowledged.filter((receipt) => receipt.round === round && receipt.node === node)).length(2);
    }
  });

  it('goes on from wherever a file system had no room: registration, session, model, update, commit', async function () {
    const prefix = smallFileSystem(folder);
    if (!prefix) this.skip();
    const server = await start(prefix);
    const { client, pid } = server;
    const room = new Room(`/proc/${pid}/root${folder}`);

    await room.leave(0);
    await expectFull(() => client.registerNode({ id: nodeName(0), capabilities: more }));
    await expectFull(() => client.createSession({ id: SESSION, ...session, quorum: NODES, train: more }));
    await room.leave(ROW_BYTES / 2);
    await client.createSession({ id: SESSION, ...session, quorum: NODES, deadlineMs: 3_600_000 });
    await expectFull(() => client.setModel(SESSION, new Float32Array(D)));
    await room.free();
    await senders.begin(client);

    await room.leave(3.5 * ROW_BYTES);
    const { taken, refused } = await senders.send(client, 1);
    expect(taken.length).within(2, 3);
    expect(refused.map(said)).deep.equal(Array(NODES - taken.length).fill('507 STORE_FULL'));
    await expectKept(server, taken);
    await room.free();
    const acknowledged = [...taken, ...(await senders.complete(client, 1))];

    await room.leave((NODES + 0.5) * (ROW_BYTES + 8192)); // all updates, and no checkpoint
    const { taken: waiting } = await senders.send(client, 2);
    expect(waiting).length(NODES);
    acknowledged.push(...waiting);
    await server.logged('STORE_FULL');
    expect((await client.session(SESSION)).committed).equal(1);
    await room.free();
    await committed(client, 2);
    acknowledged.push(...(await senders.complete(client, 3)));
    await expectEnd(server, acknowledged);
    measured(
      `a small file system: ${taken.length} of ${NODES} updates acknowledged, ${refused.length} refused with 507`,
    );
  });

  /** What is acknowledged can be read, byte for byte. */
  async function expectKept({ url, client }: Served, receipts: readonly UpdateReceipt[]): Promise<void> {
    const open = await client.round(SESSION, 1);
    expect(open.updates.map(({ node }) => node)).deep.equal(receipts.map(({ node }) => node).sort());
    for (const { round, node, digest } of receipts) {
      const address = `${url}/v1/sessions/${SESSION}/rounds/${round}/updates/${node}`;
      expect(sha256(new Uint8Array(await (await fetch(address)).arrayBuffer()))).equal(digest);
    }
  }

  async function expectEnd({ client }: Served, acknowledged: readonly UpdateReceipt[]): Promise<void> {
    expect((await client.session(SESSION)).status).equal('completed');
    expect(await expectRecomputed(client)).deep.equal(Array(ROUNDS).fill(senders.names));
    for (const { round, node, digest } of acknowledged) {
      expect(digest).equal(sha256(bytesOf(updateOf(senders.names.indexOf(node), round, D))));
    }
  }
});

async function expectFull(work: () => Promise<unknown>): Promise<void> {
  const refusal = await work().then(
    () => 'taken',
    (error: unknown) => said(error as QuorateError),
  );
  expect(refusal).equal('507 STORE_FULL');
}

const said = ({ code, details }: QuorateError): string => `${String(details.status)} ${code}`;

/** More than the page of a file that is begun already. */
const more = { text: 'x'.repeat(4000) };

const FILE_SYSTEM_BYTES = 16 * 2 ** 20;

/** A command that runs another one with a file system of its own on the folder; null where that isn't allowed. */
function smallFileSystem(folder: string): readonly string[] | null {
  const script = `mount -t tmpfs -o size=${FILE_SYSTEM_BYTES},mode=0700 quorate "${folder}" && exec "$0" "$@"`;
  const prefix = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script];
  return spawnSync(prefix[0]!, [...prefix.slice(1), 'true']).status === 0 ? prefix : null;
}

/** The room in a file system, by a file that takes the rest. */
class Room {
  private readonly ballast: string;
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    this.ballast = join(folder, 'ballast');
  }

  async leave(bytes: number): Promise<void> {
    await this.free();
    const { bavail, bsize } = statfsSync(this.folder);
    await writeFile(this.ballast, Buffer.alloc(bavail * bsize - Math.ceil(bytes / bsize) * bsize));
  }

  free(): Promise<void> {
    return rm(this.ballast, { force: true });
  }
}
