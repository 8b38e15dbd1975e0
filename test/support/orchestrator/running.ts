/** Runs components of a test in this very process, and tells what comes of them. */
import {
  type ComponentAnnouncement,
  type Component,
  createOrchestrator,
  type LogLine,
  type Orchestrator,
} from '../../../src/orchestrator/index.js';
import { afterEachTest } from '../cleanup.js';
import { aComponent } from './play.js';

export interface Watched extends Orchestrator {
  readonly events: readonly ComponentAnnouncement[];
  readonly lines: readonly LogLine[];
  /** Resolves with the first event of this state, those that came before included. */
  reaches(
    component: string,
    state: ComponentAnnouncement['state'],
    message?: RegExp,
  ): Promise<ComponentAnnouncement>;
}

const started: Orchestrator[] = [];

/** Whatever a test leaves running. */
afterEachTest(async () => {
  for (const orchestrator of started.splice(0)) {
    orchestrator.kill();
    await orchestrator.ended;
  }
});

/** No checks; short waits; `script` is for the shell. */
export const shell = (name: string, script: string, more: Partial<Component> = {}): Component => ({
  ...aComponent(name),
  command: ['sh', '-c', script],
  cwd: process.cwd(),
  env: process.env,
  check: { kind: 'none' },
  timeoutMs: 5_000,
  ...more,
});

export function run(
  components: readonly Component[],
  onLine: (line: LogLine) => void | Promise<void> = () => undefined,
): Watched {
  const events: ComponentAnnouncement[] = [];
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const orchestrator = createOrchestrator({
    plan: { components, stopsWhenDone: true },
    onEvent: (event) => {
      events.push(event);
      for (const look of [...waiting]) look();
    },
    onLine: (line) => {
      lines.push(line);
      return onLine(line);
    },
  });
  started.push(orchestrator);
  orchestrator.start();
  return {
    start: () => undefined,
    view: () => orchestrator.view(),
    stop: () => orchestrator.stop(),
    kill: () => orchestrator.kill(),
    ended: orchestrator.ended,
    events,
    lines,
    reaches: (component, state, message = /(?:)/) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find(
            (event) => event.component === component && event.state === state && message.test(event.message),
          );
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}
