import { TransactionContext, Utils, wrap } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/core';
import { TransactionMismatch } from '../../../src/index.js';
import type { Transaction, Transactions, WriteAppends } from '../../../src/index.js';
import { rehearse } from '../effects/rehearsal.js';
import { within, withinNone } from './flow.js';
import { homeOf } from './home.js';
import type { Home } from './home.js';
import type { OpenTransaction, Participant } from './open-transaction.js';

export interface MikroOrmTransactionsOptions {
  readonly schema: string;
  readonly maxEventsPerTransaction: number;
  /** Writes on `Connections.joined`. */
  readonly write: WriteAppends;
  /** Takes what a callback after a commit or rollback has thrown. */
  readonly report: (error: unknown) => void;
}

/**
 * The transactions of `orm`: implicit flushes, `em.transactional()` and its savepoints, `em.begin()`.
 *
 * Cannot see those of Kysely (`em.getKysely().transaction()`), nor, unless `em` is given, one that `em.begin()`
 * opened on a fork which no `RequestContext` holds.
 */
export function mikroOrmTransactions(orm: MikroORM, options: MikroOrmTransactionsOptions): Transactions {
  const home = homeOf(orm);
  const participant = join(home, options);
  const scopeOf = (open: OpenTransaction | undefined) => open?.scope(participant);

  return {
    current: (given) => scopeOf(openTransaction(home, given?.em)),
    of: (publisher) => scopeOf(transactionOfEntity(home, publisher)),
    run: (work) => home.fork().transactional((em) => work(required(scopeOf(home.transactionOf(em))))),
    rehearse: (work, undone) => rehearse(home, work, undone),
    inside: (work, given) => home.inside(openTransaction(home, given?.em), work),
    outside: (work) => withinNone(() => TransactionContext.create(home.fork(), work)),
  };
}

function join(
  home: Home,
  { schema, maxEventsPerTransaction, write, report }: MikroOrmTransactionsOptions,
): Participant {
  const existing = home.participants.get(schema);
  if (existing !== undefined) return existing;
  const participant: Participant = {
    maxEventsPerTransaction,
    write: (transaction, appends) => within(transaction, () => write(appends)),
    report,
  };
  home.participants.set(schema, participant);
  return participant;
}

function openTransaction(home: Home, em: EntityManager | undefined): OpenTransaction | undefined {
  const ambient = home.ambient();
  if (em === undefined) return ambient;
  if (!home.owns(em))
    throw new TransactionMismatch('The `em` given belongs to another MikroORM than the event log.');
  const own = home.transactionOf(em);
  if (own === undefined && ambient !== undefined) {
    throw new TransactionMismatch(
      'The `em` given has no open transaction, but there is one around this call.',
    );
  }
  return own;
}

function transactionOfEntity(home: Home, publisher: object): OpenTransaction | undefined {
  if (!Utils.isEntity(publisher)) return undefined;
  const { __em: em } = wrap(publisher, true);
  return em === undefined ? undefined : home.transactionOf(em);
}

function required(scope: Transaction | undefined): Transaction {
  if (scope === undefined) throw new Error('MikroORM opened no transaction: `disableTransactions` is set.');
  return scope;
}
