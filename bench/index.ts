/**
 * npm run bench                 the core suite, in full: takes a while
 * npm run bench -- --quick      under a minute
 * npm run bench -- memory       peak memory and throughput from a file larger than the memory allowed
 * npm run bench -- server       ingest, latency, memory, round times, training, over real sockets and processes
 */
import { Command } from 'commander';
import { exitOnSignals } from './cleanup.js';
import { coreCommand } from './coreCommand.js';
import { memoryCommand } from './memory.js';
import { serverCommand } from './serverCommand.js';

exitOnSignals();

await new Command('bench')
  .description('Measures Quorate beside NumPy, plain JavaScript and the memory bandwidth of this machine.')
  .addCommand(coreCommand(), { isDefault: true })
  .addCommand(memoryCommand())
  .addCommand(serverCommand())
  .parseAsync();

// Compute threads and idle processes do not keep the benchmark alive.
process.exit();
