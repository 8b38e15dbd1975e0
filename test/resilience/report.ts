/** What a process of senders has to say at its end: `fork` runs it, its one argument is JSON. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Sender<Report> {
  readonly child: ChildProcess;
  /** @throws Error if it ends without a word */
  readonly report: Promise<Report>;
}

interface Message {
  readonly report?: unknown;
  /** Of what is done up to now. */
  readonly progress?: unknown;
}

/** @param program beside this file: './crowd.js' */
export function startSender<Report>(
  program: string,
  options: unknown,
  onProgress: (progress: unknown) => void = () => undefined,
): Sender<Report> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), [JSON.stringify(options)]);
  const report = new Promise<Report>((resolve, reject) => {
    child.on('message', ({ report, progress }: Message) => {
      if (report === undefined) onProgress(progress);
      else resolve(report as Report);
    });
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}, and no report`)));
  });
  report.catch(() => undefined); // it is asked for later
  return { child, report };
}

/** In that process: the report goes out whole before it ends. */
export function sendReport(report: unknown): void {
  process.send!({ report }, () => process.disconnect());
}

export const sendProgress = (progress: unknown): void => void process.send!({ progress });
