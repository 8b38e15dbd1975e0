/** What a disk store promises through SIGKILL, lock and a full disk: shown on real processes. */
import { expect } from 'chai';
import { openDiskStore } from '../../../src/store/disk/diskStore.js';
import type { Store } from '../../../src/store/store.js';
import { type Child, type Line, startChild } from '../../support/childProcess.js';
import { random } from '../../support/random.js';
import { expectRefusal } from '../../support/refusal.js';
import { bytesOf, checkpointOf, gather, rowOf, trainSeed } from '../../support/storeData.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const script = new URL('../../support/storeChild.js', import.meta.url);

describe('openDiskStore, in a process that is killed', () => {
  const children: Child[] = [];
  const start = (mode: string, folder: string, prefix?: readonly string[]): Child => {
    const child = startChild(script, [mode, folder], prefix);
    children.push(child);
    return child;
  };
  afterEach(() => Promise.all(children.splice(0).map((child) => child.kill())));

  it('keeps all that was acknowledged, exactly once, and goes on from there', async () => {
    const folder = temporaryFolder();
    const told: Line[] = [];
    const { whole } = random(2026);
    for (let kill = 0; kill < 10; kill++) {
      const child = start('train', folder);
      await child.printed(whole(1, 45));
      await child.kill();
      told.push(...child.lines);
      const store = await openDiskStore({ folder, keepEvents: 50 });
      await expectAll(store, told);
      await store.close();
    }
    expect(told.filter((line) => 'committed' in line).length).above(2);
  });

  async function expectAll(store: Store, told: readonly Line[]): Promise<void> {
    const session = await store.session('s');
    const committed = (await session.checkpoints()).at(-1)?.round ?? 0;
    for (const line of told) if ('committed' in line) expect(committed).least(line.committed as number);
    if (committed > 0) expect(await session.readCheckpoint()).deep.equal(checkpointOf(committed));

    const round = await session.recoverRound();
    const there = round?.updates.map(({ node }) => node) ?? [];
    expect(new Set(there).size).equal(there.length);
    for (const line of told) {
      if (!('update' in line)) continue;
      const node = line.update as string;
      const expected = bytesOf(rowOf(30_000, trainSeed(line.round as number, Number(node.slice(1)))));
      if (line.round === committed + 1) {
        expect(there).include(node);
        expect((await gather(round!.read(node))).equals(expected)).true;
      } else if ((line.round as number) > committed - 2) {
        const { bytes } = await session.readUpdate(line.round as number, node);
        expect((await gather(bytes)).equals(expected)).true;
      }
    }
    await round?.close();

    const nodes = store.nodes.map(({ id }) => id);
    for (const line of told) if ('record' in line) expect(nodes).include(line.record);
    const { events } = store;
    const bodies = new Map(events.since(0, 1000).map(({ number, body }) => [number, body]));
    expect([...bodies.keys()]).deep.equal(
      Array.from({ length: events.last - events.first + 1 }, (_, k) => events.first + k),
    );
    for (const { event, round: number, node } of told) {
      if (event === undefined) continue;
      expect(events.last).least(event as number);
      if ((event as number) >= events.first) {
        expect(bodies.get(event as number)).deep.equal({ round: number, node });
      }
    }
  }

  it('refuses a folder that another process has open, and takes it over when that was killed', async () => {
    const folder = temporaryFolder();
    const child = start('hold', folder);
    await child.printed(1);
    const refusal = await expectRefusal(() => openDiskStore({ folder }), 'STORE_LOCKED');
    expect(refusal.details.pid).equal(child.lines[0]!.opened);
    await child.kill();
    const store = await openDiskStore({ folder });
    await expectRefusal(() => openDiskStore({ folder }), 'STORE_LOCKED');
    await store.close();
    await (await openDiskStore({ folder })).close();
  });

  it('refuses what does not fit, loses nothing, and goes on when there is room', async function () {
    if (process.platform !== 'linux') this.skip();
    const folder = temporaryFolder();
    const child = start('fill', folder, ['sh', '-c', 'ulimit -S -f 2048; exec "$0" "$@"']);
    expect(await child.ended()).equal(0);
    const acknowledged = child.lines.flatMap(({ update }) =>
      update === undefined ? [] : [update as string],
    );
    expect(acknowledged.length).above(2);
    expect(acknowledged.at(-1)).equal('more');
    expect(child.lines.at(-2)).deep.equal({ refused: `n${acknowledged.length - 1}`, code: 'STORE_FULL' });

    const store = await openDiskStore({ folder });
    const round = (await (await store.session('s')).recoverRound())!;
    expect(round.updates.map(({ node }) => node).sort()).deep.equal([...acknowledged].sort());
    for (const node of acknowledged) {
      const row = rowOf(50_000, node === 'more' ? 1000 : Number(node.slice(1)));
      expect((await gather(round.read(node))).equals(bytesOf(row))).true;
    }
    expect(store.damages).deep.equal([]);
    await store.close();
  });

  it('takes no memory in proportion to the updates that arrive', async () => {
    const child = start('flood', temporaryFolder());
    expect(await child.ended()).equal(0);
    expect(child.lines[0]!.stored).equal(64);
    expect(child.lines[0]!.grownBytes).below(64 * 2 ** 20); // n · d · 4 is 244 MiB
  });
});
