import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';

const processes = new URL('../../../examples/network/processes.js', import.meta.url).href;
const parent = `
  import { Processes } from '${processes}';
  const { url, child } = await new Processes().serve(['--port', '0']);
  console.log(JSON.stringify({ url, pid: child.pid }));
`;

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  );

describe('Processes', () => {
  it('end when their parent is killed', async () => {
    const starter = spawn(process.execPath, ['--input-type=module', '-e', parent], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: starter.stdout }), 'line')) as [string];
    const { url, pid } = JSON.parse(line) as { url: string; pid: number };
    try {
      expect(await answers(url)).equal(true);
      starter.kill('SIGKILL');
      while (await answers(url)) await pause(20);
    } finally {
      if (await answers(url)) process.kill(pid, 'SIGKILL');
    }
  });
});
