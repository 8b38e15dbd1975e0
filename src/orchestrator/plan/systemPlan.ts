/** A plan: components with their commands, and the order in which they start. */
import { QuorateError } from '../../errors.js';
import type { ComponentPolicy, SystemPolicy } from '../supervise/state.js';

/** A program and its arguments, run without a shell. */
export interface Program {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The working directory, as an absolute path. */
  readonly cwd: string;
  /** The whole environment; nothing is inherited. A variable that is undefined is left out. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * How a component's health is checked. `http` passes on a 2xx status, `tcp` on a connection, `exec` on exit code 0.
 * `line` passes once, when a line of standard output matches the regular expression `pattern`.
 */
export type Check =
  | { readonly kind: 'none' }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'exec'; readonly command: readonly string[] }
  | { readonly kind: 'line'; readonly pattern: string };

/** One supervised process: what runs, how it is checked, and when it restarts. */
export interface Component extends ComponentPolicy, Program {
  /** How its health is checked. */
  readonly check: Check;
  /** How long one check may take. */
  readonly timeoutMs: number;
}

/** The components of a system. */
export interface SystemPlan extends SystemPolicy {
  /** In start order: each component comes after its dependencies. */
  readonly components: readonly Component[];
}

interface Dependent {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

/**
 * Sorts components so that each comes after its dependencies, and otherwise keeps their order.
 *
 * @throws QuorateError INVALID_PARAMETER for an unknown dependency (`details.known`) and for a cycle (`details.cycle`)
 */
export function inStartOrder<C extends Dependent>(components: readonly C[]): C[] {
  const byName = new Map(components.map((component) => [component.name, component]));
  const ordered = new Set<C>();
  const visit = (component: C, path: readonly string[]): void => {
    if (ordered.has(component)) return;
    const { name, dependsOn } = component;
    const whole = [...path, name];
    if (path.includes(name)) throw cycleError(whole.slice(whole.indexOf(name)));
    for (const dependency of dependsOn) {
      const found = byName.get(dependency);
      if (!found) throw unknownError(name, dependency, [...byName.keys()]);
      visit(found, whole);
    }
    ordered.add(component);
  };
  for (const component of components) visit(component, []);
  return [...ordered];
}

const cycleError = (cycle: readonly string[]): QuorateError =>
  new QuorateError('INVALID_PARAMETER', `components depend on each other: ${cycle.join(' → ')}`, {
    parameter: 'dependsOn',
    cycle,
  });

const unknownError = (component: string, dependency: string, known: readonly string[]): QuorateError =>
  new QuorateError(
    'INVALID_PARAMETER',
    `${component} depends on ${dependency}, which does not exist; the components are ${known.join(', ')}`,
    { parameter: 'dependsOn', component, known },
  );
