/** A compute thread in Node. */
import { parentPort } from 'node:worker_threads';
import { serve } from './worker.js';

const port = parentPort;
if (!port) throw new Error('worker.node.js runs only as a worker thread');
port.on('message', serve((message) => { port.postMessage(message); }));
