import { poolOf } from '../../transactions/pool.js';
import type { SqlConnection } from '../../transactions/sql-connection.js';
import { isPglite } from '../../transactions/sql-connection.js';
import type { ListenClient, OpenListenClient } from './listening.js';

/** What is used of MikroORM's pool, that of `pg`. */
interface ClientPool {
  readonly Client: new (options: object) => ListenClient;
  readonly options: { readonly password?: unknown };
}

/**
 * Clients as the pool of the ORM makes them, without taking a place in it. There are none on PGlite, nor where the
 * application has handed the ORM a Kysely of its own.
 */
export function listenClientsOf(connection: SqlConnection): OpenListenClient {
  let found: { readonly pool: ClientPool | undefined } | undefined;
  return async () => {
    found ??= { pool: isPglite(connection) ? undefined : await clientPoolOf(connection) };
    const { pool } = found;
    if (pool === undefined) return undefined;
    const { options } = pool;
    return new pool.Client({
      fallback_application_name: 'handover listener',
      ...options,
      password: options.password, // not enumerable there
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
  };
}

async function clientPoolOf(connection: SqlConnection): Promise<ClientPool | undefined> {
  await connection.ensureConnection();
  const pool: unknown = await poolOf(connection);
  return isClientPool(pool) ? pool : undefined;
}

function isClientPool(value: unknown): value is ClientPool {
  const { Client, options } = (value ?? {}) as Partial<Record<keyof ClientPool, unknown>>;
  return typeof Client === 'function' && typeof options === 'object' && options !== null;
}
