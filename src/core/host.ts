/** The host that engines run on. Each entry of the package installs its own before anything else runs. */
import type { Host } from '../../bindings/abi.js';

let installed: Host | undefined;

/** Installs the host of this process. The first one wins. */
export function installHost(host: Host): void {
  installed ??= host;
}

/** The installed host. */
export function currentHost(): Host {
  if (!installed)
    throw new Error('no host is installed: import quorate or quorate/inline, not a file inside the package');
  return installed;
}
