/** Imported first by each process of the demo: ends it, as if by SIGTERM, once its parent has ended for any reason. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The channel carries no messages, and must not keep the process alive.
process.channel?.unref();
