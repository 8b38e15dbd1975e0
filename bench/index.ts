/**
 * npm run bench                 the full core suite; takes a quarter of an hour
 * npm run bench -- --quick      takes less than a minute
 * npm run bench -- memory       peak memory and throughput on a file larger than the memory limit
 * npm run bench -- server       ingest, latency, memory, round times and training, over real sockets and processes
 */
import { Command } from 'commander';
import { exitOnSignals } from './cleanup.js';
import { coreCommand } from './coreCommand.js';
import { memoryCommand } from './memory.js';
import { serverCommand } from './serverCommand.js';

exitOnSignals();

await new Command('bench')
  .description('Measures Quorate against NumPy, plain JavaScript and the memory bandwidth of this machine.')
  .addCommand(coreCommand(), { isDefault: true })
  .addCommand(memoryCommand())
  .addCommand(serverCommand())
  .parseAsync();

// Compute threads and idle child processes must not keep the benchmark alive.
process.exit();
