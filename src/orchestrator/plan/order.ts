/** The order in which components start. */
import { QuorateError } from '../../errors.js';

interface Dependent {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

/**
 * Each after those that it depends on; otherwise as they are given.
 *
 * @throws QuorateError INVALID_PARAMETER for a dependency that is none of them, `details.known`, and for a circle,
 *   `details.circle`
 */
export function inOrder<C extends Dependent>(components: readonly C[]): C[] {
  const byName = new Map(components.map((component) => [component.name, component]));
  const ordered = new Set<C>();
  const visit = (component: C, path: readonly string[]): void => {
    if (ordered.has(component)) return;
    const { name, dependsOn } = component;
    const whole = [...path, name];
    if (path.includes(name)) throw circular(whole.slice(whole.indexOf(name)));
    for (const needed of dependsOn) {
      const found = byName.get(needed);
      if (!found) throw unknown(name, needed, [...byName.keys()]);
      visit(found, whole);
    }
    ordered.add(component);
  };
  for (const component of components) visit(component, []);
  return [...ordered];
}

const circular = (circle: readonly string[]): QuorateError =>
  new QuorateError('INVALID_PARAMETER', `components wait for each other: ${circle.join(' → ')}`, {
    parameter: 'dependsOn',
    circle,
  });

const unknown = (component: string, needed: string, known: readonly string[]): QuorateError =>
  new QuorateError(
    'INVALID_PARAMETER',
    `${component} depends on ${needed}, and there is no such component; there are ${known.join(', ')}`,
    { parameter: 'dependsOn', component, known },
  );
