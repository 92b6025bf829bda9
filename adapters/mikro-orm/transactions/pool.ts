import type { SqlConnection } from './sql-connection.js';

/** What is used of the pool of `pg`. */
export interface Pool {
  connect(): Promise<Session>;
}

interface Session {
  query(statement: NamedStatement): Promise<{ readonly rows: readonly unknown[] }>;
  release(): void;
}

/** What `pg` has a session parse once. The text under a name never changes. */
export interface NamedStatement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** `undefined` where the application made the Kysely of its ORM itself, or its dialect. */
export async function poolOf(connection: SqlConnection): Promise<Pool | undefined> {
  try {
    return (await connection.getNativeClient()) as Pool;
  } catch {
    return undefined;
  }
}

export async function executePrepared<Row>(pool: Pool, statement: NamedStatement): Promise<readonly Row[]> {
  const session = await pool.connect();
  try {
    const { rows } = await session.query(statement);
    return rows as readonly Row[];
  } finally {
    session.release();
  }
}

/**
 * True when the session is not the one that parsed the statement, as behind a proxy that hands out sessions by
 * transaction. Nothing was run then.
 */
export function isNotPrepared(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === '26000' || code === '42P05'; // invalid_sql_statement_name, duplicate_prepared_statement
}
