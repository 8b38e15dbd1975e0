/** What a system's file comes to: components, each with its command, in the order in which they start. */
import type { ComponentPolicy, SystemPolicy } from '../supervise/state.js';

/** What is run: a program with its arguments, no shell. */
export interface Program {
  readonly command: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How to find out whether a component is well. */
export type Check =
  | { readonly kind: 'none' }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'exec'; readonly command: readonly string[] }
  | { readonly kind: 'line'; readonly pattern: string };

export interface Component extends ComponentPolicy, Program {
  readonly check: Check;
  /** Of one check. */
  readonly timeoutMs: number;
}

export interface SystemPlan extends SystemPolicy {
  readonly components: readonly Component[];
}
