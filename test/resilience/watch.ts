/** Waits for what grows, bounded in time: events, lines of a process. */

const PATIENCE_MS = 120_000;

export class Watch {
  private readonly looks = new Set<() => void>();
  private readonly describe: () => string;
  private failure: Error | null = null;

  /** @param describe what there is, for the error of whoever waited in vain */
  constructor(describe: () => string) {
    this.describe = describe;
  }

  /** To be called whenever there is more. */
  look(): void {
    for (const look of [...this.looks]) look();
  }

  /** There will be nothing more. */
  fail(error: Error): void {
    this.failure ??= error;
    this.look();
  }

  /**
   * Resolves with what `find` returns, as soon as that is something.
   *
   * @throws Error after two minutes, or with what `fail` was given
   */
  until<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (then: () => void): void => {
        this.looks.delete(look);
        clearTimeout(timer);
        then();
      };
      const look = (): void => {
        const { failure } = this;
        const found = find();
        if (found !== undefined) done(() => resolve(found));
        else if (failure) done(() => reject(failure));
      };
      const timer = setTimeout(() => {
        done(() => reject(new Error(`waited in vain: ${what}\n${this.describe()}`)));
      }, PATIENCE_MS);
      this.looks.add(look);
      look();
    });
  }
}
