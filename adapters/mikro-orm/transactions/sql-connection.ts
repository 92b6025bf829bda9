import type { Connection, MikroORM, Transaction, TransactionEventBroadcaster } from '@mikro-orm/core';
import { InvalidArgument } from '../../../src/index.js';

/** What is used of a transaction that MikroORM opened, which is Kysely's `ControlledTransaction`. */
export interface SqlTransaction extends Client {
  readonly isCommitted: boolean;
  readonly isRolledBack: boolean;
  rollback(): { execute(): Promise<void> };
}

/** What is used of a Kysely, in a transaction or not. */
export interface Client extends Runner {
  getExecutor(): { provideConnection(use: (connection: Runner) => Promise<void>): Promise<void> };
}

export interface Runner {
  executeQuery(statement: CompiledStatement): Promise<{ readonly rows: readonly unknown[] }>;
}

/** What is used of MikroORM's connection to the primary. The ORM calls the first four for every transaction. */
export interface SqlConnection {
  begin(options?: BeginOptions): Promise<SqlTransaction>;
  commit(handle: SqlTransaction, broadcaster?: Broadcaster, loggerContext?: object): Promise<void>;
  rollback(handle: SqlTransaction, broadcaster?: Broadcaster, loggerContext?: object): Promise<void>;
  transactional<T>(work: (handle: SqlTransaction) => Promise<T>, options?: BeginOptions): Promise<T>;
  ensureConnection(): Promise<void>;
  /** False before that, and after the ORM was closed. */
  readonly connected?: boolean;
  getClient(): Client;
  /** The pool of the driver. Throws where the application brought its own Kysely. */
  getNativeClient(): Promise<unknown>;
}

export interface BeginOptions {
  readonly ctx?: SqlTransaction | undefined;
  readonly eventBroadcaster?: Broadcaster | undefined;
  /** Only `em.transactional()` sets it. */
  readonly propagation?: unknown;
}

export type Broadcaster = Pick<TransactionEventBroadcaster, 'dispatchEvent' | 'context'>;

/** Kysely's `CompiledQuery`, spelt out: Kysely is a dependency of MikroORM's and not of ours. */
interface CompiledStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly query: {
    readonly kind: 'RawNode';
    readonly sqlFragments: readonly string[];
    readonly parameters: [];
  };
  readonly queryId: { readonly queryId: string };
}

export function compile(sql: string, parameters: readonly unknown[]): CompiledStatement {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: 'handover' },
  };
}

/** @throws {InvalidArgument} The ORM does not talk to PostgreSQL. */
export function sqlConnectionOf(orm: MikroORM): SqlConnection {
  if (typeof orm?.em?.getDriver !== 'function') {
    throw new InvalidArgument('orm', 'a MikroORM', orm, 'Pass what `MikroORM.init()` resolves to.');
  }
  const connection: Connection = orm.em.getDriver().getConnection('write');
  if (!descendsFrom(orm.em.getPlatform(), 'BasePostgreSqlPlatform')) {
    throw new InvalidArgument('orm', 'a MikroORM of @mikro-orm/postgresql or @mikro-orm/pglite', orm);
  }
  return connection as unknown as SqlConnection;
}

/** PGlite has one session; whoever waits for a second one while holding it waits for ever. */
export function isPglite(connection: SqlConnection): boolean {
  return descendsFrom(connection, 'PgliteConnection');
}

export function sqlTransaction(handle: Transaction): SqlTransaction {
  return handle as SqlTransaction;
}

/** By name: importing the class would demand a driver that the application has not installed. */
function descendsFrom(value: object, className: string): boolean {
  for (
    let maker: unknown = value.constructor;
    typeof maker === 'function';
    maker = Object.getPrototypeOf(maker)
  ) {
    if (maker.name === className) return true;
  }
  return false;
}
