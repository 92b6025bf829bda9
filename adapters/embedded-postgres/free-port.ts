import { createServer } from 'node:net';
import { PostgresStartFailed } from './postgres-start-failed.js';

/** Below the range from which systems lend ports to outgoing connections, so that a restart finds it free again. */
const lowest = 20_000;
const count = 12_000;

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = lowest + Math.floor(Math.random() * count);
    if (await isFree(port)) return port;
  }
  throw new PostgresStartFailed(
    `no free port was found from ${lowest} to ${lowest + count - 1}`,
    'End programs that listen on many ports.',
  );
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
