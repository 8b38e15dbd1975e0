/** quorate node: takes part in a session, with a trainer module. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { joinSession, type Outcome } from '../../client/index.js';
import type { Evaluate, NodeEvent, Train } from '../../client/node.js';
import { type Encoding, encodings } from '../../core/codec.js';
import { QuorateError } from '../../errors.js';
import { formatDuration } from '../../orchestrator/supervise/state.js';
import { newToken } from '../../protocol/names.js';
import { interruptible } from '../terminal/exit.js';
import { collectSettings, serverOption, tokenIn, tokenOption } from '../terminal/options.js';
import { printLine } from '../terminal/print.js';

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
  /** @param options the values of `--set` */
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
      'Takes part in a session until it ends. The trainer module exports ' +
        'createTrainer(options), which returns { train, evaluate? } for joinSession.',
    )
    .addOption(serverOption())
    .requiredOption('--session <name>', 'the session')
    .requiredOption('--id <name>', "this node's name; keep it across restarts")
    .requiredOption('--trainer <module>', 'a file or an installed package')
    .option(
      '--set <key=value>',
      'an option for createTrainer; the value is parsed as JSON, otherwise taken as text (repeatable)',
      collectSettings,
    )
    .addOption(tokenOption())
    .option('--token-file <file>', "reads this node's token, or stores a new one")
    .addOption(
      new Option('--enrollment-token <token>', 'lets a new node register').env('QUORATE_ENROLLMENT_TOKEN'),
    )
    .addOption(new Option('--encoding <name>', 'how updates are encoded').choices(encodings).default('f32'))
    .addOption(new Option('--json', 'print events as JSON, one per line'))
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
  const { server, session, id, encoding, tokenFile } = options;
  const enrollmentToken = tokenIn(options.enrollmentToken);
  const { createTrainer } = await loadTrainer(options.trainer);
  const save = async (token: string) => {
    if (tokenFile !== undefined) await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  };
  let token = tokenIn(options.token) ?? (await readToken(tokenFile));
  if (token === undefined && enrollmentToken !== undefined) {
    token = newToken();
    await save(token); // before registering: if anything fails afterward, the node can still prove who it is
  }
  let saved: Promise<void> | undefined;
  const show = options.json
    ? (event: object) => printLine(JSON.stringify({ atMs: Date.now(), ...event }))
    : eventPrinter();

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
        // The token goes to a file, never to a terminal or a log.
        show(event.type === 'registered' ? { type: event.type, node: event.node } : event);
      },
    });
  }).finally(() => saved);

  if (options.json) printLine(JSON.stringify({ atMs: Date.now(), type: 'ended', ...outcome }));
  else printLine(describeOutcome(outcome));
  if (outcome.status === 'excluded') {
    throw new QuorateError('NODE_EXCLUDED', 'this node was excluded; the session continues without it');
  }
  if (outcome.status === 'failed') {
    throw new QuorateError('WRONG_STATE', `the session failed: ${outcome.reason ?? 'no reason given'}`);
  }
  const { accepted, refused, refusal } = outcome;
  if (refusal && refused > 0 && accepted === 0) {
    throw new QuorateError(
      refusal.code,
      `every update of this node was refused, in ${refused === 1 ? '1 round' : `${refused} rounds`}; the last: ${refusal.message}`,
    );
  }
}

function describeOutcome({ status, reason, committed, accepted }: Outcome): string {
  const suffix = status === 'excluded' || reason === null ? '' : `: ${reason.replace(/\.$/, '')}`;
  const result = status === 'excluded' ? 'excluded from the session' : `session ${status}`;
  return `${result} at round ${committed}${suffix}; updates accepted from this node: ${accepted}`;
}

/** @throws QuorateError NOT_FOUND, BAD_TYPE */
async function loadTrainer(specifier: string): Promise<TrainerModule> {
  const module = (await import(locate(specifier))) as Partial<TrainerModule>;
  if (typeof module.createTrainer === 'function') return module as TrainerModule;
  throw new QuorateError('BAD_TYPE', `${specifier} does not export a function createTrainer`, {
    module: specifier,
  });
}

function locate(specifier: string): string {
  const file = resolve(specifier);
  if (existsSync(file)) return pathToFileURL(file).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(specifier)).href;
  } catch (error) {
    throw new QuorateError('NOT_FOUND', `module ${specifier} not found`, { module: specifier }, error);
  }
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined || !existsSync(file)) return undefined;
  return tokenIn(await readFile(file, 'utf8'));
}

/** Prints events as text, one line each. */
function eventPrinter(): (
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
        startedMs = performance.now();
        break;
      case 'left-out':
        printLine(`round ${event.round}: not finite, so left out: ${event.measurements.join(', ')}`);
        break;
      case 'superseded':
        printLine(`round ${event.round}: too late`);
        break;
      case 'accepted': {
        const { round, repeated, accepted, quorum } = event.receipt;
        const again = repeated ? ' again' : '';
        printLine(
          `round ${round}: update accepted${again} after ${formatDuration(performance.now() - startedMs)} (${accepted} received, quorum ${quorum})`,
        );
        break;
      }
      case 'refused':
        printLine(`round ${event.round}: ${event.code}: ${event.message}`);
        break;
      case 'sat-out':
        printLine(`round ${event.round}: sat out: ${event.code}: ${event.message}`);
        break;
      case 'evaluated': {
        const metrics = Object.entries(event.metrics).map(
          ([name, value]) => `${name} ${value.toPrecision(4)}`,
        );
        printLine(`round ${event.round}: ${metrics.join(', ')}`);
        break;
      }
      case 'retrying':
        printLine(`${event.code}: ${event.message}; retrying in ${formatDuration(event.waitMs)}`);
        break;
    }
  };
}
