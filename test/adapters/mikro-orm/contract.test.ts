import { afterAll } from '@jest/globals';
import { TransactionContext } from '@mikro-orm/core';
import { MikroORM as PgliteORM } from '@mikro-orm/pglite';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { eventLogContract } from 'handover/testing';
import { allPostgresServers, createDatabase } from '../../support/postgres.js';

const Nothing = defineEntity({ name: 'Nothing', properties: { id: p.integer().primary() } });

const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing) await close();
});

for (const server of allPostgresServers()) {
  const begun = (async () => {
    const database = await createDatabase({ server });
    const connect = () =>
      MikroORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], clientUrl: database.url });
    const [orm, other] = await Promise.all([connect(), connect()]);
    closing.push(
      () => orm.close(true),
      () => other.close(true),
      () => database.drop(),
    );
    return { orm, other };
  })();

  eventLogContract({
    name: `the log of MikroORM on ${server.name}`,
    open: async () => emptied((await begun).orm),
    beside: async () => mikroOrmLog((await begun).other),
    transaction: async (_log, work) => inTransaction((await begun).orm, work),
  });
}

const pglite = (async () => {
  const orm = await PgliteORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], dbName: 'memory://' });
  closing.push(() => orm.close(true));
  return orm;
})();

eventLogContract({
  name: 'the log of MikroORM on PGlite',
  open: async () => emptied(await pglite),
  transaction: async (_log, work) => inTransaction(await pglite, work),
  cannot: { competingConnections: 'PGlite is one connection' },
});

async function emptied(orm: MikroORM | PgliteORM) {
  const log = mikroOrmLog(orm);
  const schema = await orm.em
    .fork()
    .execute<unknown[]>(`select 1 from pg_namespace where nspname = 'handover'`);
  if (schema.length === 0) await log.migrate();
  else
    await orm.em
      .fork()
      .execute('truncate handover.streams, handover.events, handover.links, handover.outbox, handover.log');
  return log;
}

/** As an application does: in the open transaction a savepoint, else a transaction of its own. */
function inTransaction<T>(orm: MikroORM | PgliteORM, work: () => Promise<T>): Promise<T> {
  const em = TransactionContext.getEntityManager() ?? orm.em.fork();
  return em.transactional(() => work());
}
