/** Names of rules and pre-aggregators: in kebab-case, and as the registries export their factories, in camelCase. */
import type * as preaggregatorRegistry from '../../src/preaggregators/registry.js';
import type * as ruleRegistry from '../../src/rules/registry.js';

/** 'trimmedMean' → 'trimmed-mean' */
export type Kebab<Name extends string> = Name extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `-${Lowercase<Head>}`}${Kebab<Tail>}`
  : Name;

/** 'trimmed-mean' → 'trimmedMean' */
export type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

export type RuleName = Kebab<keyof typeof ruleRegistry>;
export type PreaggregatorName = Kebab<keyof typeof preaggregatorRegistry>;

export const exportNameOf = <Name extends string>(name: Name): Camel<Name> =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as Camel<Name>;
