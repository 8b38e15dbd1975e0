/**
 * Many nodes in one process, each with the real client: its own event socket, heartbeat and requests. Its one
 * argument is a `CrowdOptions`; it reports a `CrowdReport` when the session has ended.
 */
import { joinSession, type Outcome } from '../../src/client/index.js';
import { sendReport } from './report.js';
import { nodeName, SESSION } from './system.js';
import { updateOf } from './trainer.js';

export interface CrowdOptions {
  readonly server: string;
  readonly nodes: number;
}

export interface CrowdReport {
  /** From the end of training to the answer, each update that was accepted. */
  readonly acknowledgedMs: readonly number[];
  /** Rounds and nodes of all of them: '3/node-07'. */
  readonly acknowledged: readonly string[];
  readonly refused: readonly string[];
  readonly retries: number;
  readonly outcomes: readonly Outcome[];
}

async function run({ server, nodes }: CrowdOptions): Promise<CrowdReport> {
  const acknowledgedMs: number[] = [];
  const acknowledged: string[] = [];
  const refused: string[] = [];
  let retries = 0;
  const join = (node: number): Promise<Outcome> => {
    const id = nodeName(node);
    let trainedAtMs = 0;
    return joinSession({
      server,
      session: SESSION,
      node: id,
      retry: { seed: node },
      train: ({ model, round }) => {
        const update = updateOf(node, round, model.values.length);
        trainedAtMs = performance.now();
        return { update, numExamples: 1 };
      },
      onEvent: (event) => {
        if (event.type === 'accepted') {
          acknowledgedMs.push(performance.now() - trainedAtMs);
          acknowledged.push(`${event.receipt.round}/${id}`);
        }
        if (event.type === 'refused') refused.push(`${event.round}/${id}: ${event.code}`);
        if (event.type === 'retrying') retries++;
      },
    });
  };
  const outcomes = await Promise.all(Array.from({ length: nodes }, (_, node) => join(node)));
  return { acknowledgedMs, acknowledged, refused, retries, outcomes };
}

sendReport(await run(JSON.parse(process.argv[2]!) as CrowdOptions));
