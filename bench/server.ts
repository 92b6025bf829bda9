import { startPostgres } from '../adapters/embedded-postgres/index.js';

export interface BenchServer {
  readonly url: string;
  readonly description: string;
  stop(): Promise<void>;
}

/** The server of `DATABASE_URL`, else an embedded one whose commits reach the disk. */
export async function benchServer(): Promise<BenchServer> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined) {
    return {
      url: given,
      description: 'PostgreSQL at DATABASE_URL, as configured',
      stop: () => Promise.resolve(),
    };
  }
  const server = await startPostgres({ durability: 'full' });
  return {
    url: server.url,
    description: `embedded PostgreSQL ${server.version}, fsync on`,
    stop: () => server.stop(),
  };
}
