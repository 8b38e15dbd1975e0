/** What a server was doing when it was killed, from what its probe wrote down (crashProbe.ts). */
import { readFileSync } from 'node:fs';

export const phases = ['start-up', 'upload', 'fsync', 'aggregation', 'commit', 'between rounds'] as const;
export type Phase = (typeof phases)[number];

/**
 *   start-up      until it listens
 *   commit        from the checkpoint's first byte until its name is durable
 *   aggregation   from the durable seal, or the first row that is read, until then
 *   fsync         the round's file is being made durable: updates, or the seal
 *   upload        an update's request is there and not answered
 *
 * Of two at once it is the one further up.
 */
export function phaseAtEnd(trace: string): Phase {
  const underWay = new Map<string, number>();
  let isListening = false;
  let isSealing = false;
  let stage: 'none' | 'aggregation' | 'commit' = 'none';
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    const [sign, step] = line.split(' ');
    underWay.set(step!, (underWay.get(step!) ?? 0) + (sign === '+' ? 1 : -1));
    if (line === '+ listening')
      [isListening, stage] = [true, 'none']; // rows were read to prove them
    else if (line === '+ round.seal') isSealing = true;
    else if (line === '- round.datasync' && isSealing) [isSealing, stage] = [false, 'aggregation'];
    else if (line === '+ round.read' && stage === 'none') stage = 'aggregation';
    else if (line === '+ checkpoint.write') stage = 'commit';
    else if (line === '- checkpoints.sync') stage = 'none';
  }
  if (!isListening) return 'start-up';
  if (stage !== 'none') return stage;
  if (isSealing || underWay.get('round.datasync')) return 'fsync';
  return underWay.get('request') ? 'upload' : 'between rounds';
}
