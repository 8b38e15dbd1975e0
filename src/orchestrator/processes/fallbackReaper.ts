/**
 * Kills what is left if the orchestrator and its reaper are killed at the same moment. It is a shell rather than Node,
 * so that killing every `node` process spares it. It reads the same lines as the reaper (reaperProcess.ts), from a
 * pipe that both the orchestrator and the reaper hold open, so that the pipe ends only when both are gone. Unless the
 * reaper has reported that its work is done, it then kills everything at once: groups by their id, and on Linux
 * processes that left their group by their mark.
 *
 * It uses /proc only if it finds its own pid there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { MARK } from './orphans.js';

/** The reaper sends this line when nothing is left to kill. */
export const DONE = 'done\n';

const script = `
trap '' INT TERM HUP
groups=' '
while read -r line; do
  line=\${line%;}
  id=\${line%% *} mark=\${line#* }
  entry="\${id#?}/$mark"
  case "$line$groups" in
    done*) exit ;;
    +*) groups="$groups$entry " ;;
    -*" $entry "*) groups="\${groups%%" $entry "*} \${groups#*" $entry "}" ;;
  esac
done
set --
for entry in $groups; do
  kill -s KILL -- "-\${entry%/*}"
  set -- "$@" -e "${MARK}=\${entry#*/}"
done
[ $# -gt 0 ] || exit
read -r pid rest < /proc/self/stat && [ "$pid" = $$ ] || exit
for round in 1 2 3 4 5 6 7 8 9 10; do
  for found in $(grep -lsF "$@" /proc/[0-9]*/environ); do
    found=\${found#/proc/}
    kill -s KILL "\${found%/environ}"
  done
done`;

/** Starts it in a session of its own, like the reaper. */
export function startFallbackReaper(): ChildProcess {
  const child = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
  });
  child.stdin?.on('error', () => undefined); // the process's exit reports it
  return child;
}
