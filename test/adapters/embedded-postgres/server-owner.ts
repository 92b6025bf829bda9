import { once } from 'node:events';
import { startPostgres } from '../../../adapters/embedded-postgres/index.js';

/** Owns a server until it is told how to end; nothing but `process.stdin` keeps it alive. */
const server = await startPostgres();
process.stdout.write(`${JSON.stringify({ url: server.url, dataDirectory: server.dataDirectory })}\n`);
const [order] = await once(process.stdin, 'data');
if (String(order).trim() === 'throw') throw new Error('as ordered');
process.stdin.destroy();
