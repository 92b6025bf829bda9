/**
 * `store.publish()` beside a raw prepared INSERT of the same row, on the same server, in one run.
 * Run it with `npm run bench`.
 */
import { randomUUID } from 'node:crypto';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { printTable, takeTurns, type Contender } from './rounds.js';
import { benchServer } from './server.js';

class OrderPlaced extends defineEvent<{ orderId: string; cents: number; items: string[] }>('OrderPlaced') {}

const Account = defineEntity({
  name: 'BenchAccount',
  properties: { id: p.integer().primary(), balance: p.integer() },
});

const data = { orderId: 'o-1', cents: 1299, items: ['book', 'pen', 'ink'] };
const server = await benchServer();
const orm = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Account], clientUrl: server.url });
const store = new EventStore({ log: mikroOrmLog(orm) });
const raw = new Client({ connectionString: server.url });

async function prepareTables(): Promise<void> {
  await raw.connect();
  await raw.query('drop table if exists bench_event, bench_account');
  await raw.query('create table bench_account (id int primary key, balance int not null)');
  await raw.query('insert into bench_account select id, 0 from generate_series(1, 10000) as id');
  await store.migrate();
  // The same row in the same columns, under the same indexes.
  await raw.query('create table bench_event (like handover.events including all)');
  await raw.query('create sequence if not exists bench_event_seq');
}

function rawInsert(): Contender {
  const statement = `insert into bench_event
      (seq, id, stream, version, type, schema_version, data, metadata, recorded_at)
    values (nextval('bench_event_seq'), $1, $2, $3, $4, $5, $6, $7, clock_timestamp())`;
  let version = 0;
  return {
    name: 'raw prepared INSERT, one by one',
    run: async (times) => {
      for (let index = 0; index < times; index += 1) {
        version += 1;
        const values = [
          randomUUID(),
          'Order-1',
          version,
          'OrderPlaced',
          1,
          JSON.stringify(data),
          JSON.stringify({ correlationId: randomUUID() }),
        ];
        await raw.query({ name: 'bench-insert', text: statement, values });
      }
    },
  };
}

function publishOneByOne(): Contender {
  return {
    name: 'publish(), one by one',
    aim: 0.6,
    run: async (times) => {
      for (let index = 0; index < times; index += 1) await publish('Order-1');
    },
  };
}

function publishTogether(inFlight: number): Contender {
  return {
    name: `publish(), ${inFlight} in flight`,
    run: async (times) => {
      let left = times;
      const publisher = async (index: number): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await publish(`Order-${index}`);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, (_, index) => publisher(index)));
    },
  };
}

function publishBatches(size: number): Contender {
  return {
    name: `publish() of ${size} at once, per event`,
    run: async (times) => {
      for (let done = 0; done < times; done += size) {
        const events = Array.from({ length: size }, () => new OrderPlaced(data));
        await store.publish(events, { stream: 'Order-batch' });
      }
    },
  };
}

function transactions(name: string, inside: () => Promise<unknown>): Contender {
  let account = 0;
  return {
    name,
    run: async (times) => {
      for (let index = 0; index < times; index += 1) {
        account = (account % 10_000) + 1;
        await updateAccount(account, inside);
      }
    },
  };
}

async function updateAccount(id: number, inside: () => Promise<unknown>): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const account = await em.findOneOrFail(Account, id);
    account.balance += 1;
    await inside();
  });
}

function publish(stream: string): Promise<unknown> {
  return store.publish(new OrderPlaced(data), { stream });
}

/** How many statements `work` sends, whoever sends them: a count, not a time. */
async function countStatements(work: () => Promise<void>): Promise<number> {
  // oxlint-disable-next-line typescript/unbound-method -- put back below, and called with its client
  const { query } = Client.prototype;
  let statements = 0;
  Client.prototype.query = function count(this: Client, ...args: Parameters<typeof query>) {
    statements += 1;
    return Reflect.apply(query, this, args);
  } as typeof query;
  try {
    await work();
  } finally {
    Client.prototype.query = query;
  }
  return statements;
}

try {
  await prepareTables();
  console.log(`${server.description}; Node ${process.versions.node}`);
  const writing = await takeTurns(
    [rawInsert(), publishOneByOne(), publishTogether(64), publishBatches(100)],
    {
      rounds: 41,
      timesPerRound: 400,
    },
  );
  printTable('writing events', writing);
  printTable(
    'transactions that read and update one entity',
    await takeTurns(
      [
        transactions('without an event', () => Promise.resolve()),
        transactions('with a publish inside', () => publish('Order-2')),
      ],
      { rounds: 25, timesPerRound: 80 },
    ),
  );
  const without = await countStatements(() => updateAccount(1, () => Promise.resolve()));
  const within = await countStatements(() => updateAccount(1, () => publish('Order-3')));
  console.log(
    `  ${without} statements without an event, ${within} with a publish inside; the aim is one more at most`,
  );
} finally {
  await store.close();
  await orm.close(true);
  await raw.end();
  await server.stop();
}
