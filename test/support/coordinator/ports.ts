/** How many message ports keep this process alive: of threads from which something is expected, say. */
export const ports = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
