/** A store on a disk that each test of a suite gets anew, and opens again as often as it likes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import '../../src/index.js'; // reading safetensors needs the core
import { type DiskStoreOptions, openDiskStore } from '../../src/store/disk/diskStore.js';
import type { RoundStore, SessionStore, Store } from '../../src/store/store.js';
import { recordSession } from './storeData.js';
import { temporaryFolder } from './temporaryFolder.js';

class DiskScene {
  folder!: string;
  store!: Store;
  /** Named s. */
  session!: SessionStore;

  async begin(): Promise<void> {
    this.folder = temporaryFolder();
    await this.open();
  }

  async open(options: Omit<DiskStoreOptions, 'folder'> = {}): Promise<void> {
    this.store = await openDiskStore({ folder: this.folder, ...options });
    await recordSession(this.store, 's');
    this.session = await this.store.session('s');
  }

  async reopen(options: Omit<DiskStoreOptions, 'folder'> = {}): Promise<void> {
    await this.store.close();
    await this.open(options);
  }

  async recover(): Promise<RoundStore> {
    return (await this.session.recoverRound())!;
  }

  files(kind: string): string[] {
    return readdirSync(join(this.folder, 'sessions/s', kind)).sort();
  }

  pathOf(kind: string, i = 0): string {
    return join(this.folder, 'sessions/s', kind, this.files(kind)[i]!);
  }
}

/** For the suite that it is called in. */
export function diskScene(): DiskScene {
  const scene = new DiskScene();
  beforeEach(() => scene.begin());
  afterEach(() => scene.store.close());
  return scene;
}
