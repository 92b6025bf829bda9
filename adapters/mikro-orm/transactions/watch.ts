import { EventType } from '@mikro-orm/core';
import { TransactionMismatch } from '../../../src/index.js';
import { giveBack } from './broken-connection.js';
import { returnAfterFailedBegin } from './failed-begin.js';
import { within } from './flow.js';
import { OpenTransaction } from './open-transaction.js';
import type { Participant } from './open-transaction.js';
import type { Broadcaster, SqlConnection, SqlTransaction } from './sql-connection.js';

/** Follows every transaction of one connection. */
export interface Watch {
  /** @throws {TransactionMismatch} A savepoint that was opened before the watch began. */
  readonly transaction: (handle: SqlTransaction) => OpenTransaction;
  /** By schema: two logs on one schema share what a transaction has recorded. */
  readonly participants: Map<string, Participant>;
}

const watches = new WeakMap<SqlConnection, Watch>();

/**
 * Steps between the ORM and the connection, where every transaction passes: also those of event managers that know
 * no subscriber of ours, and after all subscribers, so that what they record in their hooks is still written.
 */
export function watch(connection: SqlConnection): Watch {
  const existing = watches.get(connection);
  if (existing !== undefined) return existing;
  const begun = install(connection);
  watches.set(connection, begun);
  return begun;
}

function install(connection: SqlConnection): Watch {
  const known = new WeakMap<SqlTransaction, OpenTransaction>();

  const meet = (handle: SqlTransaction, parent?: OpenTransaction): OpenTransaction => {
    const met = known.get(handle);
    if (met !== undefined) return met;
    if (parent === undefined && 'savepointName' in handle) {
      throw new TransactionMismatch('This savepoint was opened before the event log knew of the connection.');
    }
    const transaction = new OpenTransaction(connection, handle, parent);
    known.set(handle, transaction);
    return transaction;
  };

  const begin = connection.begin.bind(connection);
  connection.begin = async (options = {}) => {
    const parent = options.ctx === undefined ? undefined : meet(options.ctx);
    const eventBroadcaster = around(options.eventBroadcaster, {
      [EventType.afterTransactionStart]: (handle, dispatch) => within(meet(handle, parent), dispatch),
    });
    if (parent === undefined) {
      await connection.ensureConnection();
      returnAfterFailedBegin(connection.getClient());
    }
    const handle = await begin({ ...options, eventBroadcaster });
    meet(handle, parent);
    return handle;
  };

  const commit = connection.commit.bind(connection);
  connection.commit = async (handle, broadcaster, loggerContext) => {
    const transaction = meet(handle);
    const steps = around(broadcaster, {
      [EventType.beforeTransactionCommit]: (_, dispatch) =>
        within(transaction, async () => {
          await dispatch();
          await transaction.prepareCommit();
        }),
      [EventType.afterTransactionCommit]: async (_, dispatch) => {
        await transaction.committed();
        await dispatch();
      },
    });
    try {
      await commit(handle, steps, loggerContext);
    } catch (error) {
      throw await transaction.commitFailed(error);
    }
    if (handle.isRolledBack) transaction.rolledBack();
  };

  const rollback = connection.rollback.bind(connection);
  connection.rollback = async (handle, broadcaster, loggerContext) => {
    const transaction = meet(handle);
    try {
      await rollback(handle, broadcaster, loggerContext);
    } catch (error) {
      await giveBack(handle, error);
      throw error;
    } finally {
      transaction.rolledBack();
    }
  };

  const transactional = connection.transactional.bind(connection);
  connection.transactional = (work, options) =>
    transactional(
      // `em.transactional()` brings a context of its own, and takes it away where it suspends the transaction.
      (handle) =>
        options?.propagation === undefined ? within(meet(handle), () => work(handle)) : work(handle),
      options,
    );

  return { transaction: meet, participants: new Map() };
}

type Step = (handle: SqlTransaction, dispatch: () => Promise<void>) => Promise<void>;

/** A broadcaster that takes `steps` around what `broadcaster` dispatches, also where there is none. */
function around(broadcaster: Broadcaster | undefined, steps: Readonly<Record<string, Step>>): Broadcaster {
  return {
    context: broadcaster?.context,
    dispatchEvent(event, handle) {
      const dispatch = async () => broadcaster?.dispatchEvent(event, handle);
      const step = steps[event];
      return step === undefined ? dispatch() : step(handle as SqlTransaction, dispatch);
    },
  };
}
