/** quorate rules: which rules and pre-aggregators there are. */
import { Command } from 'commander';
import { QuorateError } from '../../errors.js';
import { rules, type StageDescription } from '../../aggregation/pipeline.js';
import { jsonOption } from '../terminal/options.js';
import { printFacts, printJson, printLine, printTable } from '../terminal/print.js';

type Parameter = StageDescription['parameters'][number];

export function rulesCommand(): Command {
  return new Command('rules')
    .summary('list rules and pre-aggregators')
    .description('Lists rules and pre-aggregators, or tells all about one.')
    .argument('[name]', 'krum, say')
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  $ quorate rules\n  $ quorate rules krum\n  $ quorate rules --json')
    .action((name: string | undefined, { json }: { json?: boolean }) => {
      const stages = rules();
      if (name === undefined) {
        if (json) printJson(stages);
        else list(stages);
        return;
      }
      const stage = stages.find((one) => one.name === name);
      if (!stage) {
        const known = stages.map((one) => one.name);
        throw new QuorateError('UNKNOWN_RULE', `there is no rule '${name}'; there are ${known.join(', ')}`);
      }
      if (json) printJson(stage);
      else tell(stage);
    });
}

const written = (parameter: Parameter): string => {
  if (parameter.default !== undefined) return `${parameter.name}=${JSON.stringify(parameter.default)}`;
  return parameter.required ? parameter.name : `${parameter.name}?`;
};

function list(stages: readonly StageDescription[]): void {
  printTable(
    ['name', 'needs', 'kind', 'parameters'],
    stages.map(({ name, constraint, kind, parameters }) => [
      name,
      constraint,
      kind,
      parameters.map(written).join(' '),
    ]),
  );
}

function tell({ name, kind, summary, constraint, source, parameters }: StageDescription): void {
  printFacts({ [name]: summary, kind, needs: constraint, source });
  if (parameters.length === 0) return;
  printLine();
  printTable(
    ['parameter', 'meaning'],
    parameters.map((parameter) => [written(parameter), parameter.description]),
  );
}
