/** A folder in which one file is damaged, of every kind and in many ways: it is told of, and never read as data. */
import { expect } from 'chai';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, QuorateError } from '../../src/client/index.js';
import { bytesOf, sha256 } from '../support/storeData.js';
import { damage, type DamageKind } from './damage.js';
import { measured } from './measured.js';
import { Senders, senderSettings } from './senders.js';
import { Refused, type Served, serve } from './serve.js';
import { SESSION } from './system.js';
import { updateOf } from './trainer.js';

const NODES = 4;
const D = 1000;
const ROUNDS = 5;
/** Rounds that are committed, where the next one is under way. */
const COMMITTED = 3;
/** Updates of that one that were acknowledged. */
const ACKNOWLEDGED = 2;
/** Folders that are looked at at a time. */
const AT_ONCE = 2;
const senders = new Senders(NODES, D, { pipeline: 'median', optimizer: 'fed-adam', rounds: ROUNDS });

const files = {
  lock: /^lock$/,
  journal: /^journal$/,
  'event log': /^events\/.*\.events$/,
  'newest checkpoint': /checkpoints\/000000003-/,
  'older checkpoint': /checkpoints\/000000001-/,
  'committed round': /rounds\/000000002-/,
  'open round': /rounds\/000000004-/,
} as const;
type File = keyof typeof files;

interface Case {
  readonly file: File;
  readonly how: DamageKind;
  readonly seed: number;
}

const cases: readonly Case[] = (Object.keys(files) as File[]).flatMap((file) =>
  (
    [
      'flipped',
      'flipped',
      'flipped',
      'truncated',
      'truncated',
      'emptied',
      'zeroed',
      'appended to',
      'torn',
    ] as const
  ).map((how, seed) => ({ file, how, seed })),
);

/** Which way it went. */
type Outcome =
  'went on' | 'went on, and said so' | 'refused the session by name' | 'refused to start, by name';

describe('a server whose folder has a damaged file', function () {
  this.timeout(600_000);
  let folder: string;
  /** Of the model after each round. */
  const digests: string[] = [];
  const running = new Set<Served>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-resilience-'));
    const server = await start(join(folder, 'whole'));
    const { client } = server;
    await senders.begin(client);
    for (let round = 1; round <= COMMITTED; round++) await senders.complete(client, round);
    await senders.send(client, COMMITTED + 1, ACKNOWLEDGED);
    await end(server);

    await cp(join(folder, 'whole'), join(folder, 'undisturbed'), { recursive: true });
    const undisturbed = await start(join(folder, 'undisturbed'));
    await senders.begin(undisturbed.client);
    for (let round = COMMITTED + 1; round <= ROUNDS; round++)
      await senders.complete(undisturbed.client, round);
    for (let round = 0; round <= ROUNDS; round++) {
      digests.push((await undisturbed.client.model(SESSION, round)).digest);
    }
    await end(undisturbed);
  });
  afterEach(() => Promise.all(Array.from(running, (server) => end(server))));
  after(() => rm(folder, { recursive: true, force: true }));

  async function start(data: string): Promise<Served> {
    const server = await serve({ data, settings: senderSettings });
    running.add(server);
    return server;
  }

  async function end(server: Served, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    running.delete(server);
    await server.kill(signal);
  }

  it('says which one it is, or goes on as if nothing were; and never takes damage for data', async () => {
    const outcomes = new Map<string, number>();
    const waiting = [...cases];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const outcome = `${next.file}: ${await live(next)}`;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    for (const [outcome, count] of [...outcomes].sort()) measured(`${outcome}, ${count} times`, { count });
  });

  async function live(damaging: Case): Promise<Outcome> {
    const { file, how, seed } = damaging;
    const what = `${file}, ${how} (${seed})`;
    const data = await mkdtemp(join(folder, 'damaged-'));
    await cp(join(folder, 'whole'), data, { recursive: true });
    const names = (await readdir(data, { recursive: true })).filter((name) => files[file].test(name));
    expect(names, what).length(1);
    const path = join(data, names[0]!);
    await writeFile(path, damage(await readFile(path), how, seed));
    try {
      return await goOn(data, path, damaging, what);
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    } finally {
      await rm(data, { recursive: true });
    }
  }

  async function goOn(data: string, path: string, { file, how }: Case, what: string): Promise<Outcome> {
    let server: Served;
    try {
      server = await start(data);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      expect(file).equal('journal');
      expect(error.code).equal(1);
      expect(error.message).include(`quorate: CORRUPT_FILE: ${path}`);
      return 'refused to start, by name';
    }
    const { client, log } = server;
    const refusals: string[] = [];
    const refusedOr = async <T>(ask: () => Promise<T>): Promise<T | null> => {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof QuorateError) || error.code !== 'CORRUPT_FILE') throw error;
        expect(error.message).include(path);
        refusals.push(error.message);
        return null;
      }
    };
    if (file === 'newest checkpoint' && !(await refusedOr(() => client.session(SESSION)))) {
      await end(server);
      expect(
        log.some((line) => line.includes(path)),
        `${what}: the log`,
      ).equal(true);
      return 'refused the session by name';
    }
    await expectWhole(client, server.url, refusedOr);
    await end(server, 'SIGTERM'); // when all was looked at
    const isTold = log.some((line) => line.includes(path));
    if (how === 'flipped' && file !== 'lock')
      expect(isTold || refusals.length > 0, `${what}: is told of`).equal(true);
    return isTold ? 'went on, and said so' : 'went on';
  }

  /** To the session's end, and all that can be read of it. */
  async function expectWhole(
    client: Client,
    url: string,
    refusedOr: <T>(ask: () => Promise<T>) => Promise<T | null>,
  ): Promise<void> {
    await senders.begin(client);
    const { committed } = await client.session(SESSION);
    expect(committed).equal(COMMITTED);
    for (let round = committed + 1; round <= ROUNDS; round++) await senders.complete(client, round);
    expect((await client.session(SESSION)).status).equal('completed');
    expect((await client.model(SESSION)).digest).equal(digests[ROUNDS]);
    for (let round = 1; round <= ROUNDS; round++) {
      const model = await refusedOr(() => client.model(SESSION, round));
      if (model) expect(model.digest).equal(digests[round]);
      const record = await refusedOr(() => client.round(SESSION, round));
      const expected = senders.names.map((node, i) => [node, sha256(bytesOf(updateOf(i, round, D)))]);
      if (record) expect(record.updates.map(({ node, digest }) => [node, digest])).deep.equal(expected);
      for (const [node, digest] of expected) {
        const bytes = await refusedOr(() => storedUpdate(url, round, node!));
        if (bytes) expect(sha256(bytes)).equal(digest);
      }
    }
  }
});

async function storedUpdate(url: string, round: number, node: string): Promise<Uint8Array> {
  const answer = await fetch(`${url}/v1/sessions/${SESSION}/rounds/${round}/updates/${node}`);
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  const { code, detail } = (await answer.json()) as { code: 'CORRUPT_FILE'; detail: string };
  throw new QuorateError(code, detail);
}
