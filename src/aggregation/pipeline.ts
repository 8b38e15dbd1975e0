/** Pre-aggregators in order, then a rule; by factory, by name, or as text. */
import { describeParameters, type ParameterDescription } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { parseStages, stageText } from '../formats/stageText.js';
import type { Preaggregator } from '../preaggregators/preaggregator.js';
import { preaggregatorFactories } from '../preaggregators/registry.js';
import { ruleFactories } from '../rules/registry.js';
import type { Rule } from '../rules/rule.js';

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

const nameOf = ({ definition }: { definition: { name: string } }): string => definition.name;

/** @throws QuorateError UNKNOWN_RULE */
function factoryOf<F extends { definition: { name: string } }>(
  role: 'rule' | 'pre-aggregator',
  factories: readonly F[],
  name: string,
): F {
  const factory = factories.find((one) => nameOf(one) === name);
  if (factory) return factory;
  const known = factories.map(nameOf);
  const isOther = [...ruleFactories, ...preaggregatorFactories].some((one) => nameOf(one) === name);
  const problem = isOther ? `'${name}' is no ${role}` : `there is no ${role} '${name}'`;
  throw new QuorateError('UNKNOWN_RULE', `${problem}; there are ${known.join(', ')}`, { rule: name, known });
}

/**
 * A pipeline from its text, as reports and `pipelineText` print it.
 *
 * @param text pre-aggregators and, last, a rule, with their parameters; vectors can't be written
 * @throws QuorateError BAD_TYPE, UNKNOWN_RULE, UNKNOWN_PARAMETER; INVALID_PARAMETER, with `details.position` where the
 *   text itself can't be read
 * @example
 * parsePipeline('nnm(f=2) > trimmed-mean(f=2)')
 */
export function parsePipeline(text: string): Pipeline {
  const written = parseStages('pipeline', text);
  const preaggregators = written
    .slice(0, -1)
    .map(({ name, parameters }) =>
      factoryOf('pre-aggregator', preaggregatorFactories, name).from(parameters),
    );
  const { name, parameters } = written[written.length - 1]!;
  return pipeline(...preaggregators, factoryOf('rule', ruleFactories, name).from(parameters));
}

/** A pipeline of what `aggregate` was given: one already, a rule, a rule's name with parameters, or a text. */
export function asPipeline(given: unknown, parameters: unknown): Pipeline {
  if (typeof given === 'string') {
    if (parameters === undefined) return parsePipeline(given);
    return pipeline(factoryOf('rule', ruleFactories, given).from(parameters));
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

/** As reports name it: 'nnm(f=2) > trimmed-mean(f=2)'. `parsePipeline` reads it, unless it has vectors. */
export function pipelineText({ preaggregators, rule }: Pipeline): string {
  return [...preaggregators, rule].map(stageText).join(' > ');
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
