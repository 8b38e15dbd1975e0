/** Pipelines: pre-aggregators in order, then a rule; from factories, by name, or as text. */
import { describeParameters, type ParameterDescription } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { parseStages, stageText } from '../formats/stageText.js';
import type { Preaggregator, PreaggregatorFactory } from '../preaggregators/preaggregator.js';
import * as preaggregatorRegistry from '../preaggregators/registry.js';
import * as ruleRegistry from '../rules/registry.js';
import type { Rule, RuleFactory } from '../rules/rule.js';
import { didYouMean } from '../suggest.js';

type Listed<Factory extends RuleFactory | PreaggregatorFactory> = Pick<
  Factory,
  'definition' | 'kind' | 'from'
>;

const ruleFactories: readonly Listed<RuleFactory>[] = Object.values(ruleRegistry);
const preaggregatorFactories: readonly Listed<PreaggregatorFactory>[] = Object.values(preaggregatorRegistry);

/** Pre-aggregators in order, then a rule. Made by `pipeline` or `parsePipeline`; taken by `aggregate`. */
export interface Pipeline {
  /** Tells pipelines from rules and pre-aggregators. */
  readonly stage: 'pipeline';
  /** In the order in which they run. */
  readonly preaggregators: readonly Preaggregator[];
  /** Turns the pre-aggregated updates into one. */
  readonly rule: Rule;
}

const stageOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'stage' in value ? value.stage : undefined;

const isPreaggregator = (value: Preaggregator | Rule): value is Preaggregator =>
  stageOf(value) === 'preaggregator';

/**
 * Makes a pipeline of pre-aggregators, in order, and a final rule.
 *
 * @throws QuorateError INVALID_PARAMETER if the last stage is not a rule, or an earlier one is
 * @example
 * pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 }))
 */
export function pipeline(...stages: readonly [...Preaggregator[], Rule]): Pipeline {
  const preaggregators = stages.slice(0, -1).map((stage, position) => {
    if (isPreaggregator(stage)) return stage;
    throw new QuorateError(
      'INVALID_PARAMETER',
      `pipeline: stage ${position + 1} is not a pre-aggregator; only the last stage can be a rule`,
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
  const problem = isOther ? `'${name}' is not a ${role}` : `there is no ${role} '${name}'`;
  throw new QuorateError(
    'UNKNOWN_RULE',
    `${problem}; there are ${known.join(', ')}${didYouMean(name, known)}`,
    { rule: name, known },
  );
}

/**
 * Parses a pipeline's text, as reports and `pipelineText` print it.
 *
 * @param text pre-aggregators and, last, a rule, with their parameters; parameters that are vectors have no text
 * @throws QuorateError BAD_TYPE, UNKNOWN_RULE, UNKNOWN_PARAMETER; INVALID_PARAMETER, with `details.position` if the
 *   text itself is malformed
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

/** The pipeline that `aggregate` was given: as such, as a rule, as a rule's name with parameters, or as text. */
export function asPipeline(given: unknown, parameters: unknown): Pipeline {
  if (typeof given === 'string') {
    if (parameters === undefined) return parsePipeline(given);
    return pipeline(factoryOf('rule', ruleFactories, given).from(parameters));
  }
  const stage = stageOf(given);
  if (stage === 'pipeline') return given as Pipeline;
  if (stage === 'rule') return pipeline(given as Rule);
  throw new QuorateError('BAD_TYPE', "rule must be a rule, a pipeline, a rule's name, or a pipeline's text");
}

/** Checks every stage against the number of points that reach it. @throws QuorateError */
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

/**
 * The pipeline as text, as reports show it. `parsePipeline` reads it back, unless a parameter is a vector.
 *
 * @example
 * pipelineText(pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 }))) // 'nnm(f=2) > trimmed-mean(f=2)'
 */
export function pipelineText({ preaggregators, rule }: Pipeline): string {
  return [...preaggregators, rule].map(stageText).join(' > ');
}

/** The description of a rule or pre-aggregator, as `rules()` lists it. */
export interface StageDescription {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** A pre-aggregator, or how the rule works: column by column, or by a weight for each update. */
  readonly kind: 'coordinate-wise' | 'linear' | 'pre-aggregator';
  /** One sentence. */
  readonly summary: string;
  /** Its parameters, with their defaults. */
  readonly parameters: readonly ParameterDescription[];
  /** On the number of updates n: 'n > 2f'. */
  readonly constraint: string;
  /** The paper that defines it. */
  readonly source: string;
}

/**
 * Lists all rules, then all pre-aggregators, with their parameters, constraints and sources.
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
