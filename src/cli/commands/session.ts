/** quorate session: manages the sessions of a running server. */
import { Command, Option } from 'commander';
import { QuorateError } from '../../errors.js';
import { readYamlFile } from '../../files/yaml.js';
import type { SessionConfigInput } from '../../protocol/sessionConfig.js';
import type { SessionView } from '../../protocol/views.js';
import {
  clientFor,
  collectSettings,
  type ConnectionFlags,
  jsonOption,
  parsePositiveInteger,
  serverOption,
  tokenOption,
} from '../terminal/options.js';
import { printFacts, printJson, printLine, printTable } from '../terminal/print.js';
import { readModelFile } from '../terminal/vectorFiles.js';

type Options = ConnectionFlags & { readonly json?: boolean };
type CreateOptions = Options & {
  readonly model?: string;
  readonly zeros?: number;
  readonly start?: boolean;
  readonly once?: boolean;
  readonly set?: Readonly<Record<string, unknown>>;
};

const connected = (command: Command): Command =>
  command.addOption(serverOption()).addOption(tokenOption()).addOption(jsonOption());

export function sessionCommand(): Command {
  const session = new Command('session')
    .summary('create, control and show sessions')
    .description('Manages the sessions of a running server.')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate session create digits.yaml --model initial.safetensors --start
  $ quorate session list
  $ quorate session show digits
  $ quorate session stop digits --server http://10.0.0.1:8080`,
    );

  session.addCommand(
    connected(new Command('create'))
      .description('Creates a session from a YAML or JSON file. Values of --set override the file.')
      .argument('[file]', "the session's configuration")
      .option(
        '--set <key=value>',
        'a setting; the value is parsed as JSON, otherwise taken as text (repeatable)',
        collectSettings,
      )
      .option('--model <file>', 'the initial model: .npy or .safetensors')
      .addOption(
        new Option('--zeros <d>', 'an initial model of d zeros')
          .argParser(parsePositiveInteger)
          .conflicts('model'),
      )
      .option('--start', 'start it at once; needs an initial model')
      .option('--once', 'change nothing if the session has been started before')
      .addHelpText(
        'after',
        `
Examples:
  $ quorate session create digits.yaml --model initial.npy --start
  $ quorate session create --set id=digits --set quorum=7 \\
      --set 'pipeline=nnm(f=3) > trimmed-mean(f=3)' --set rounds=100`,
      )
      .action(create),
  );

  for (const [verb, description] of [
    ['start', 'Starts a session that has a model.'],
    ['pause', 'Pauses a session; its current round may still finish.'],
    ['resume', 'Resumes a paused session.'],
    ['stop', 'Ends a session for good; its current round is discarded.'],
  ] as const) {
    session.addCommand(
      connected(new Command(verb))
        .description(description)
        .argument('<name>', "the session's name")
        .action(async (name: string, options: Options) =>
          show(await clientFor(options)[verb](name), options),
        ),
    );
  }

  session.addCommand(
    connected(new Command('list'))
      .description('Lists all sessions.')
      .action(async (options: Options) => {
        const sessions = await clientFor(options).sessions();
        if (options.json) printJson(sessions);
        else
          printTable(
            ['session', 'status', 'round', 'of', 'nodes', 'pipeline'],
            sessions.map(({ id, status, committed, config, nodes }) => [
              id,
              status,
              committed,
              config.rounds,
              nodes.filter(({ present }) => present).length,
              config.pipeline,
            ]),
          );
      }),
  );
  session.addCommand(
    connected(new Command('show'))
      .description('Shows a session and its nodes.')
      .argument('<name>', "the session's name")
      .action(async (name: string, options: Options) =>
        show(await clientFor(options).session(name), options),
      ),
  );
  session.addCommand(
    connected(new Command('delete'))
      .description('Deletes a session and everything stored for it.')
      .argument('<name>', "the session's name")
      .action(async (name: string, options: Options) => {
        await clientFor(options).deleteSession(name);
        if (options.json) printJson({ deleted: name });
        else printLine(`deleted ${name}`);
      }),
  );
  // A summary is the description's first clause, in lower case like those of the other commands.
  for (const command of session.commands) {
    const [first = ''] = command.description().split(/[.;] /);
    command.summary(`${first.charAt(0).toLowerCase()}${first.slice(1).replace(/\.$/, '')}`);
  }
  return session;
}

async function create(file: string | undefined, options: CreateOptions): Promise<void> {
  const given = file === undefined ? {} : await readYamlFile(file);
  const model = await initialModel(options);
  // Checked first, so that no session is left behind that can't start.
  if (options.start && !model) {
    throw new QuorateError('NO_MODEL', '--start needs a --model or --zeros', { parameter: 'model' });
  }
  const client = clientFor(options);
  let view = await client.createSession({ ...given, ...options.set } as SessionConfigInput);
  if (!options.once || view.status === 'created') {
    if (model) {
      await client.setModel(view.id, model);
      view = await client.session(view.id);
    }
    if (options.start) view = await client.start(view.id);
  }
  show(view, options);
}

async function initialModel({ model, zeros }: CreateOptions): Promise<Float32Array | Uint8Array | undefined> {
  if (zeros !== undefined) return new Float32Array(zeros);
  return model === undefined ? undefined : readModelFile(model);
}

function show(view: SessionView, { json }: Options): void {
  if (json) {
    printJson(view);
    return;
  }
  const { id, status, reason, committed, config, round, model, nodes } = view;
  printFacts({
    session: id,
    status: reason === null || reason === round?.reason ? status : `${status}: ${reason}`,
    rounds: `${committed} of ${config.rounds} committed`,
    ...(round && { 'current round': `${round.number}, attempt ${round.attempt}, ${round.phase}` }),
    ...(round?.reason && { 'last failure': round.reason }),
    pipeline: config.pipeline,
    optimizer: config.optimizer,
    updates: config.updates,
    quorum: config.quorum,
    model: model ? `${model.d} values, SHA-256 ${model.digest}` : 'none yet',
  });
  if (nodes.length === 0) return;
  printLine();
  printTable(
    ['node', 'present', 'asked', 'accepted', 'refused', 'suspicion'],
    nodes.map(({ node, present, excluded, roundsAsked, accepted, refused, meanSuspicion }) => [
      node,
      excluded ? 'excluded' : present ? 'yes' : 'no',
      roundsAsked,
      accepted,
      refusals(refused),
      meanSuspicion === null ? '—' : meanSuspicion.toFixed(3),
    ]),
  );
}

/** '0', or the count of each code: '4 NON_FINITE, 1 ROUND_CLOSED'. */
function refusals(refused: SessionView['nodes'][number]['refused']): string | number {
  const counts = Object.entries(refused).map(([code, count]) => `${count} ${code}`);
  return counts.length === 0 ? 0 : counts.join(', ');
}
