import type { MikroORM } from '@mikro-orm/core';
import { effectScope, outsideScopes, runInScope } from '../../../src/index.js';
import type { EffectScope } from '../../../src/index.js';
import type { Home } from '../transactions/home.js';
import type { Broadcaster, SqlConnection, SqlTransaction } from '../transactions/sql-connection.js';
import { isFlushing, markCollections } from './flushing.js';
import { rehearsal } from './rehearsal.js';
import type { Rehearsal } from './rehearsal.js';
import { eachOutside, held } from './sessions.js';
import { headOf, kindOf } from './statements.js';

/** What else is used of MikroORM's connection. */
interface Connection extends SqlConnection {
  execute(
    query: Query,
    params?: unknown,
    method?: unknown,
    ctx?: SqlTransaction,
    loggerContext?: unknown,
  ): Promise<unknown>;
  stream(
    query: Query,
    params?: unknown,
    ctx?: SqlTransaction,
    loggerContext?: unknown,
    chunkSize?: number,
  ): AsyncIterableIterator<unknown>;
}

/** Text, a raw fragment, or a query builder. */
type Query = string | { readonly sql?: string; toRaw?(): { readonly sql: string } };

const guarded = new WeakSet<SqlConnection>();

/**
 * Steps between entity managers and the connection, for runs under observation. Statements that no flush sends and
 * that are not known to read escape the run. A captured run works in its rehearsal, whatever transaction it asks for.
 */
export function guardConnection(orm: MikroORM, home: Home): void {
  const connection = home.connection as Connection;
  if (guarded.has(connection)) return;
  guarded.add(connection);
  markCollections(orm.em.getDriver());
  guardTransactions(connection);
  guardStatements(connection);
}

function guardTransactions(connection: Connection): void {
  const begin = connection.begin.bind(connection);
  connection.begin = async (options = {}) => {
    const scope = effectScope();
    if (scope === undefined) return begin(options);
    const current = await rehearsalOf(scope, connection, 'transaction');
    const ctx = current === undefined ? options.ctx : await current.at(scope, options.ctx);
    const eventBroadcaster = backIn(scope, options.eventBroadcaster);
    const handle = await outsideScopes(() => begin({ ...options, ctx, eventBroadcaster }));
    scope.began('a transaction', handle);
    return handle;
  };

  for (const step of ['commit', 'rollback'] as const) {
    const original = connection[step].bind(connection);
    connection[step] = async (handle, broadcaster, loggerContext) => {
      const scope = effectScope();
      if (scope === undefined) return original(handle, broadcaster, loggerContext);
      const current = await rehearsalOf(scope, connection, step);
      if (current?.hasWithin(handle) === false)
        throw scope.refuse(`${step} of a transaction that the run has not begun`);
      await outsideScopes(() => original(handle, backIn(scope, broadcaster), loggerContext));
      scope.ended(handle);
    };
  }

  const transactional = connection.transactional.bind(connection);
  connection.transactional = async (work, options) => {
    const scope = effectScope();
    const current = scope && (await rehearsalOf(scope, connection, 'transaction'));
    const run = () => transactional(work, options);
    return current === undefined ? run() : current.transactional(run);
  };
}

function guardStatements(connection: Connection): void {
  const execute = connection.execute.bind(connection);
  connection.execute = async (query, params, method, ctx, loggerContext) => {
    const scope = effectScope();
    if (scope === undefined) return execute(query, params, method, ctx, loggerContext);
    const current = await meet(scope, connection, query);
    const send = (handle: SqlTransaction | undefined) =>
      outsideScopes(() => execute(query, params, method, handle, loggerContext));
    return current === undefined ? send(ctx) : current.inTurn(async () => send(await current.at(scope, ctx)));
  };

  const stream = connection.stream.bind(connection);
  connection.stream = async function* guardedStream(query, params, ctx, loggerContext, chunkSize) {
    const scope = effectScope();
    const current = scope === undefined ? undefined : await meet(scope, connection, query);
    const handle = scope && current ? await current.at(scope, ctx) : ctx;
    yield* eachOutside(stream(query, params, handle, loggerContext, chunkSize));
  };
}

/** @returns Where a captured run sends the statement. */
async function meet(
  scope: EffectScope,
  connection: Connection,
  query: Query,
): Promise<Rehearsal | undefined> {
  const sql = textOf(query);
  const isNoted = isFlushing() && scope.isOpen;
  const kind = kindOf(sql);
  if (!isNoted && kind !== 'read') {
    const what = `SQL that no flush sent: ${headOf(sql)}`;
    scope.escape(what);
    // A transaction that is ended by hand cannot be rolled back any more.
    if (scope.mode === 'forbidden' || (scope.mode === 'captured' && kind !== 'write'))
      throw scope.refuse(what);
  }
  return rehearsalOf(scope, connection, 'SQL');
}

/** `undefined` for a run that performs. Never resolves for a captured run that is over. */
async function rehearsalOf(
  scope: EffectScope,
  connection: SqlConnection,
  what: string,
): Promise<Rehearsal | undefined> {
  if (scope.mode === 'performed') return undefined;
  if (!scope.isOpen) return held(scope.escape(`${what} after the end of the run`));
  const current = rehearsal();
  if (current === undefined || !current.isOn(connection)) throw scope.refuse(`${what} of another database`);
  return current;
}

/** Hooks of the application run in the scope of the code that led to them. */
function backIn(scope: EffectScope, broadcaster: Broadcaster | undefined): Broadcaster | undefined {
  if (broadcaster === undefined) return undefined;
  return {
    context: broadcaster.context,
    dispatchEvent: (event, handle) => runInScope(scope, () => broadcaster.dispatchEvent(event, handle)),
  };
}

function textOf(query: Query): string {
  if (typeof query === 'string') return query;
  return (typeof query.toRaw === 'function' ? query.toRaw().sql : query.sql) ?? '';
}
