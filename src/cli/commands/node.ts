/** quorate node: this process takes part in a session, with somebody's trainer module. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { type Encoding, encodings } from '../../core/codec.js';
import { QuorateError } from '../../errors.js';
import { joinSession, type Outcome } from '../../client/index.js';
import type { Evaluate, NodeEvent, Train } from '../../client/node.js';
import { newToken } from '../../client/joinSession.js';
import { interruptible } from '../terminal/exit.js';
import { collectSettings, serverOption, tokenOption } from '../terminal/options.js';
import { duration, printLine } from '../terminal/print.js';

interface Options {
  readonly server: string;
  readonly session: string;
  readonly id: string;
  readonly trainer: string;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly enrollmentToken?: string;
  readonly encoding: Encoding;
  readonly json?: boolean;
}

/** What a trainer module exports. */
interface TrainerModule {
  /** @param options of `--set` */
  readonly createTrainer: (options: Readonly<Record<string, unknown>>) => Trainer | Promise<Trainer>;
}

interface Trainer {
  readonly train: Train;
  readonly evaluate?: Evaluate;
}

export function nodeCommand(): Command {
  return new Command('node')
    .summary('take part in a session')
    .description(
      'Takes part in a session until it ends. MODULE exports createTrainer(options), ' +
        'which returns { train, evaluate? } as joinSession takes them.',
    )
    .addOption(serverOption())
    .requiredOption('--session <name>', 'the session')
    .requiredOption('--id <name>', "this node's name; the same again is the same node")
    .requiredOption('--trainer <module>', 'a file, or the name of a package')
    .option('--set <key=json>', 'an option of createTrainer; may be repeated', collectSettings)
    .addOption(tokenOption())
    .option('--token-file <file>', "this node's token; written when the server makes one")
    .addOption(
      new Option('--enrollment-token <token>', 'allows a first registration').env('QUORATE_ENROLLMENT_TOKEN'),
    )
    .addOption(new Option('--encoding <name>', 'how updates are sent').choices(encodings).default('f32'))
    .addOption(new Option('--json', 'print events as JSON, one a line'))
    .addHelpText(
      'after',
      `
Examples:
  $ quorate node --session digits --id node-1 --trainer ./trainer.mjs
  $ quorate node --session digits --id node-2 --trainer ./trainer.mjs \\
      --set batchSize=32 --set 'shards=[1,2]' --encoding bf16`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { server, session, id, encoding, tokenFile, enrollmentToken } = options;
  const { createTrainer } = await load(options.trainer);
  const save = async (token: string) => {
    if (tokenFile !== undefined) await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  };
  let token = options.token ?? (await readToken(tokenFile));
  if (token === undefined && enrollmentToken !== undefined) {
    token = newToken();
    await save(token); // before it is registered: whatever happens then, the node is known by it
  }
  let saved: Promise<void> | undefined;
  const show = options.json
    ? (event: object) => printLine(JSON.stringify({ atMs: Date.now(), ...event }))
    : narrate();

  const outcome = await interruptible(async (signal) => {
    const { train, evaluate } = await createTrainer(options.set ?? {});
    return joinSession({
      server,
      session,
      node: id,
      encoding,
      signal,
      train,
      ...(evaluate && { evaluate }),
      ...(token !== undefined && { token }),
      ...(enrollmentToken !== undefined && { enrollmentToken }),
      onEvent: (event) => {
        const made = event.type === 'registered' ? event.token : null;
        if (made !== null) saved = save(made);
        // A token is told to a file, not to a terminal or a log.
        show(event.type === 'registered' ? { type: event.type, node: event.node } : event);
      },
    });
  }).finally(() => saved);

  if (options.json) printLine(JSON.stringify({ atMs: Date.now(), type: 'ended', ...outcome }));
  else printLine(inWords(outcome));
  if (outcome.status === 'excluded') {
    throw new QuorateError('NODE_EXCLUDED', 'the session goes on without this node');
  }
  if (outcome.status === 'failed') {
    throw new QuorateError('WRONG_STATE', `the session failed: ${outcome.reason ?? 'no reason given'}`);
  }
}

function inWords({ status, reason, committed, accepted }: Outcome): string {
  const why = status === 'excluded' || reason === null ? '' : `: ${reason.replace(/\.$/, '')}`;
  const what = status === 'excluded' ? 'excluded from the session' : `session ${status}`;
  return `${what} at round ${committed}${why}; updates of this node that were taken: ${accepted}`;
}

/** @throws QuorateError NOT_FOUND, BAD_TYPE */
async function load(specifier: string): Promise<TrainerModule> {
  const module = (await import(locate(specifier))) as Partial<TrainerModule>;
  if (typeof module.createTrainer === 'function') return module as TrainerModule;
  throw new QuorateError('BAD_TYPE', `${specifier} exports no function createTrainer`, { module: specifier });
}

function locate(specifier: string): string {
  const file = resolve(specifier);
  if (existsSync(file)) return pathToFileURL(file).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(specifier)).href;
  } catch (error) {
    throw new QuorateError('NOT_FOUND', `there is no module ${specifier}`, { module: specifier }, error);
  }
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined || !existsSync(file)) return undefined;
  return (await readFile(file, 'utf8')).trim();
}

/** Events in words, one a line. */
function narrate(): (
  event: Exclude<NodeEvent, { type: 'registered' }> | { type: 'registered'; node: string },
) => void {
  let startedMs = 0;
  return (event) => {
    switch (event.type) {
      case 'registered':
        printLine(`registered as ${event.node}`);
        break;
      case 'connected':
        printLine('connected');
        break;
      case 'disconnected':
        printLine('connection lost');
        break;
      case 'training':
        startedMs = Date.now();
        break;
      case 'superseded':
        printLine(`round ${event.round}: too late`);
        break;
      case 'accepted': {
        const { round, repeated, accepted, quorum } = event.receipt;
        const again = repeated ? ', again' : '';
        printLine(
          `round ${round}: update taken${again} after ${duration(Date.now() - startedMs)} (${accepted} in, quorum ${quorum})`,
        );
        break;
      }
      case 'refused':
        printLine(`round ${event.round}: ${event.code}: ${event.message}`);
        break;
      case 'evaluated': {
        const metrics = Object.entries(event.metrics).map(
          ([name, value]) => `${name} ${value.toPrecision(4)}`,
        );
        printLine(`round ${event.round}: ${metrics.join(', ')}`);
        break;
      }
      case 'retrying':
        printLine(`${event.code}: ${event.message}; again in ${duration(event.waitMs)}`);
        break;
    }
  };
}
