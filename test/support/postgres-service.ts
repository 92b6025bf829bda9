import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { findSystemBinaries, startPostgres } from '../../adapters/embedded-postgres/index.js';
import type { EmbeddedPostgres } from '../../adapters/embedded-postgres/index.js';

/** Lends PostgreSQL servers to all test processes of one run; each starts when it is first asked for. */
export interface PostgresService {
  readonly address: string;
  close(): Promise<void>;
}

const settings = { max_connections: '300', autovacuum_naptime: '10min' };

export async function openPostgresService(): Promise<PostgresService> {
  const servers = new Map<string, Promise<EmbeddedPostgres>>();
  const lend = (name: string) => {
    const server = servers.get(name) ?? start(name);
    servers.set(name, server);
    return server;
  };

  const http = createServer((request, response) => {
    lend((request.url ?? '').slice(1)).then(
      ({ url }) => answer(response, 200, url),
      (error: unknown) => answer(response, 500, String(error)),
    );
  });
  http.listen(0, '127.0.0.1').unref();
  await once(http, 'listening');

  return {
    address: addressOf(http),
    async close() {
      http.closeAllConnections();
      http.close();
      const started = await Promise.allSettled(servers.values());
      const running = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      await Promise.all(running.map((server) => server.stop()));
    },
  };
}

async function start(name: string): Promise<EmbeddedPostgres> {
  if (name === 'embedded') return startPostgres({ settings });
  const binaries = findSystemBinaries();
  if (name !== 'system' || binaries === undefined)
    throw new Error(`There is no PostgreSQL called "${name}".`);
  return startPostgres({ settings, binaries });
}

function addressOf(http: Server): string {
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('The service has no port.');
  return `http://127.0.0.1:${address.port}`;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { connection: 'close' }).end(text);
}
