/** Imported first by each process of a demo: it ends, as by SIGTERM, when the one that started it is gone, however. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Nobody says anything over it, and it keeps nobody alive.
process.channel?.unref();
