/**
 * Who ends what is left when the orchestrator and its guard are killed within the same moment: a shell, no Node, so that
 * who kills every `node` does not kill it too. It reads the lines that the guard reads (guardProcess.ts) from a pipe whose
 * other end both of them hold, so that it ends only when both are gone. Unless the guard says before that it has done its
 * work, what is left is killed at once: groups by their number, and on Linux whoever has left one by its mark.
 *
 * /proc is looked at only if it is the one in which this shell has its own number.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { MARK } from './orphans.js';

/** Of the guard, when nothing is left. */
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

/** In a session of its own, as the guard is. */
export function startLastReaper(): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
  });
  guard.stdin?.on('error', () => undefined); // its end is told by the process
  return guard;
}
