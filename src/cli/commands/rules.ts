/** quorate rules: lists rules and pre-aggregators. */
import { Command } from 'commander';
import { QuorateError } from '../../errors.js';
import { rules, type StageDescription } from '../../aggregation/pipeline.js';
import { jsonOption } from '../terminal/options.js';
import { printFacts, printJson, printLine, printTable } from '../terminal/print.js';
import { didYouMean } from '../../suggest.js';

type Parameter = StageDescription['parameters'][number];

export function rulesCommand(): Command {
  return new Command('rules')
    .summary('list rules and pre-aggregators')
    .description('Lists all rules and pre-aggregators, or shows one in detail.')
    .argument('[name]', 'a rule or pre-aggregator, such as krum')
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  $ quorate rules\n  $ quorate rules krum\n  $ quorate rules --json')
    .action((name: string | undefined, { json }: { json?: boolean }) => {
      const stages = rules();
      if (name === undefined) {
        if (json) printJson(stages);
        else printAll(stages);
        return;
      }
      const stage = stages.find((each) => each.name === name);
      if (!stage) {
        const known = stages.map((each) => each.name);
        throw new QuorateError(
          'UNKNOWN_RULE',
          `unknown rule '${name}'; known rules are ${known.join(', ')}${didYouMean(name, known)}`,
        );
      }
      if (json) printJson(stage);
      else printOne(stage);
    });
}

const signatureOf = (parameter: Parameter): string => {
  if (parameter.default !== undefined) return `${parameter.name}=${JSON.stringify(parameter.default)}`;
  return parameter.required ? parameter.name : `${parameter.name}?`;
};

function printAll(stages: readonly StageDescription[]): void {
  printTable(
    ['name', 'needs', 'kind', 'parameters'],
    stages.map(({ name, constraint, kind, parameters }) => [
      name,
      constraint,
      kind,
      parameters.map(signatureOf).join(' '),
    ]),
  );
}

function printOne({ name, kind, summary, constraint, source, parameters }: StageDescription): void {
  printFacts({ [name]: summary, kind, needs: constraint, source });
  if (parameters.length === 0) return;
  printLine();
  printTable(
    ['parameter', 'meaning'],
    parameters.map((parameter) => [signatureOf(parameter), parameter.description]),
  );
}
