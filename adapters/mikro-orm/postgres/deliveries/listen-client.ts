import type { SqlConnection } from '../../transactions/sql-connection.js';
import { isPglite } from '../../transactions/sql-connection.js';
import type { ListenClient, OpenListenClient } from './listening.js';

/** What is used of MikroORM's pool, that of `pg`. */
interface Pool {
  readonly Client: new (options: object) => ListenClient;
  readonly options: { readonly password?: unknown };
}

/**
 * Clients as the pool of the ORM makes them, without taking a place in it. There are none on PGlite, nor where the
 * application has handed the ORM a Kysely of its own.
 */
export function listenClientsOf(connection: SqlConnection): OpenListenClient {
  let found: { readonly pool: Pool | undefined } | undefined;
  return async () => {
    found ??= { pool: isPglite(connection) ? undefined : await poolOf(connection) };
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

async function poolOf(connection: SqlConnection): Promise<Pool | undefined> {
  await connection.ensureConnection();
  const { getNativeClient } = connection as { getNativeClient?: () => Promise<unknown> };
  const pool = await getNativeClient?.call(connection).catch(() => undefined);
  return isPool(pool) ? pool : undefined;
}

function isPool(value: unknown): value is Pool {
  const { Client, options } = (value ?? {}) as Partial<Record<keyof Pool, unknown>>;
  return typeof Client === 'function' && typeof options === 'object' && options !== null;
}
