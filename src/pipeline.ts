/** Pre-aggregators in order, then a rule; by factory or by name. */
import { describeParameters, type ParameterDescription } from './core/parameters.js';
import { QuorateError } from './errors.js';
import type { Preaggregator } from './preaggregators/preaggregator.js';
import { preaggregatorFactories } from './preaggregators/registry.js';
import { ruleFactories } from './rules/registry.js';
import type { Rule } from './rules/rule.js';

export interface Pipeline {
  readonly stage: 'pipeline';
  readonly preaggregators: readonly Preaggregator[];
  readonly rule: Rule;
}

const stageOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'stage' in value ? value.stage : undefined;

const isPreaggregator = (value: Preaggregator | Rule): value is Preaggregator =>
  stageOf(value) === 'preaggregator';

/**
 * Pre-aggregators, in order, and a rule after them.
 *
 * @throws QuorateError INVALID_PARAMETER if the last is not a rule, or another is
 * @example
 * pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 }))
 */
export function pipeline(...stages: readonly [...Preaggregator[], Rule]): Pipeline {
  const preaggregators = stages.slice(0, -1).map((stage, position) => {
    if (isPreaggregator(stage)) return stage;
    throw new QuorateError(
      'INVALID_PARAMETER',
      `pipeline: stage ${position + 1} is no pre-aggregator; a rule can only be the last`,
    );
  });
  const rule = stages.at(-1);
  if (rule === undefined || stageOf(rule) !== 'rule') {
    throw new QuorateError('INVALID_PARAMETER', 'pipeline: the last stage must be a rule');
  }
  return { stage: 'pipeline', preaggregators, rule: rule as Rule };
}

/** A pipeline of what `aggregate` was given: one already, a rule, or a rule's name. */
export function asPipeline(given: unknown, parameters: unknown): Pipeline {
  if (typeof given === 'string') {
    const factory = ruleFactories.find(({ definition }) => definition.name === given);
    if (factory) return pipeline(factory.from(parameters));
    const known = ruleFactories.map(({ definition }) => definition.name);
    throw new QuorateError('UNKNOWN_RULE', `there is no rule '${given}'; there are ${known.join(', ')}`, {
      rule: given,
      known,
    });
  }
  const stage = stageOf(given);
  if (stage === 'pipeline') return given as Pipeline;
  if (stage === 'rule') return pipeline(given as Rule);
  throw new QuorateError('BAD_TYPE', "the second argument must be a rule, a pipeline, or a rule's name");
}

/** Checks every stage against the number of points that reaches it. @throws QuorateError */
export function checkPipeline({ preaggregators, rule }: Pipeline, n: number): void {
  let points = n;
  for (const stage of preaggregators) {
    stage.check(points);
    points = stage.outputs(points);
  }
  rule.check(points);
}

/** The pipeline for the rows `kept`, after the `lost` others proved to be Byzantine. */
export function restrictPipeline(
  { preaggregators, rule }: Pipeline,
  kept: readonly number[],
  lost: number,
): Pipeline {
  return {
    stage: 'pipeline',
    preaggregators: preaggregators.map((stage) => stage.restrict(kept, lost)),
    rule: rule.restrict(kept, lost),
  };
}

/** In words, as reports name it: 'nnm(f=2) > trimmed-mean(f=2)'. */
export function pipelineText({ preaggregators, rule }: Pipeline): string {
  const show = (value: unknown) =>
    ArrayBuffer.isView(value) || Array.isArray(value)
      ? `[${(value as ArrayLike<unknown>).length}]`
      : String(value);
  return [...preaggregators, rule]
    .map(({ name, parameters }) => {
      const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
      return given.length === 0
        ? name
        : `${name}(${given.map(([key, value]) => `${key}=${show(value)}`).join(', ')})`;
    })
    .join(' > ');
}

/** What `rules()` tells of a rule or pre-aggregator. */
export interface StageDescription {
  readonly name: string;
  readonly kind: 'coordinate-wise' | 'linear' | 'pre-aggregator';
  readonly summary: string;
  readonly parameters: readonly ParameterDescription[];
  /** On the number of updates n: 'n > 2f'. */
  readonly constraint: string;
  readonly source: string;
}

/**
 * All rules and pre-aggregators: names, parameters, constraints, sources.
 *
 * @example
 * console.table(rules().map(({ name, constraint, source }) => ({ name, constraint, source })));
 */
export function rules(): StageDescription[] {
  return [...ruleFactories, ...preaggregatorFactories].map(({ definition, kind }) => ({
    name: definition.name,
    kind,
    summary: definition.summary,
    parameters: describeParameters(definition.parameters),
    constraint: definition.constraint,
    source: definition.source,
  }));
}
