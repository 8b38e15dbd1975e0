/** A compute thread in Node. */
import { parentPort } from 'node:worker_threads';
import { instantiateCore } from './instantiate.js';
import { serve } from './worker.js';

const port = parentPort;
if (!port) throw new Error('worker.node.js runs only as a worker thread');
const handle = serve((message) => {
  port.postMessage(message);
}, instantiateCore);
port.on('message', handle);
