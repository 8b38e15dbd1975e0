/** The host that engines run on. Each entry point of the package installs its own, before anything else runs. */
import type { Host } from '../../bindings/abi.js';

let installed: Host | undefined;

export function installHost(host: Host): void {
  installed ??= host;
}

export function currentHost(): Host {
  if (!installed) throw new Error('import quorate, or quorate/inline, not a file inside it');
  return installed;
}
