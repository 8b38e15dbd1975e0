/** A compute thread in a browser. */
import { serve, type ToWorker } from './worker.js';

const handle = serve((message) => { globalThis.postMessage(message); });
globalThis.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => { handle(data); });
