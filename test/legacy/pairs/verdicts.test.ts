import { createServer, type Server } from 'node:http';
import net from 'node:net';
import nodeCrypto from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, effectPort, effectQueue, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';
import { judgedOnce, type Comparison, type Sides } from './compared.js';

class ReceiptSent extends defineEvent<{ orderId: string }>('ReceiptSent') {}

const Receipt = defineEntity({
  name: 'Receipt',
  tableName: 'receipts',
  properties: {
    id: p.integer().primary(),
    orderId: p.string(),
    cents: p.integer(),
    note: p.json<Record<string, unknown>>().nullable(),
    sentAt: p.datetime().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});

const Line = defineEntity({
  name: 'Line',
  tableName: 'lines',
  properties: { id: p.integer().primary(), receipt: () => p.manyToOne(Receipt).ref(), text: p.string() },
});

const mails = effectPort('mails', { send: (..._args: unknown[]) => undefined, open: async () => 'opened' });
const jobs = effectQueue({
  name: 'mail',
  add: async (name: string, data: unknown, _opts?: object) => ({ name, data }),
});

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;
let web: Server;
let webUrl: string;
let session: net.Socket;

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Receipt, Line],
    clientUrl: database.url,
  });
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  await orm.schema.create();
  web = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await new Promise((resolve) => web.once('listening', resolve));
  const { port } = web.address() as net.AddressInfo;
  webUrl = `http://127.0.0.1:${port}/`;
  session = net.connect(port, '127.0.0.1');
  await new Promise((resolve) => session.once('connect', resolve));
  session.on('error', () => undefined);
});

afterAll(async () => {
  session.destroy();
  web.closeAllConnections();
  web.close();
  await store.close();
  await orm.close(true);
  await database.drop();
});

const send = (subject = 'paid') => mails.send('ann', { subject });
const never = new Promise<never>(() => undefined);

/** A planted difference, and how it has to be judged. */
type Case = readonly [name: string, verdict: string, sides: Sides, options?: Comparison];

const inMemory: readonly Case[] = [
  ['a missing effect', 'mismatch', { listener: () => send(), handler: () => undefined }],
  [
    'an effect too many',
    'mismatch',
    {
      listener: () => send(),
      handler: () => {
        send();
        send();
      },
    },
  ],
  ['a wrong value', 'mismatch', { listener: () => send(), handler: () => send('unpaid') }],
  ['another method of the port', 'mismatch', { listener: () => send(), handler: async () => mails.open() }],
  [
    'a wrong order where order counts',
    'mismatch',
    {
      listener: () => [send('a'), send('b')],
      handler: () => [send('b'), send('a')],
    },
    { ordered: ['call'] },
  ],
  ['a missing event', 'mismatch', { listener: ({ orderId }) => publish(orderId), handler: () => undefined }],
  [
    'an event in another stream',
    'mismatch',
    { listener: ({ orderId }) => publish(orderId), handler: ({ orderId }) => publish(orderId, 'Elsewhere') },
  ],
  [
    'a job with another delay',
    'mismatch',
    {
      listener: async ({ orderId }) => jobs.add('mail', { orderId }, { delay: 5 }),
      handler: async ({ orderId }) => jobs.add('mail', { orderId }, { delay: 500 }),
    },
  ],
  [
    'a deleted stream',
    'mismatch',
    { listener: async () => memory.deleteStream('Old'), handler: () => undefined },
  ],
  [
    'an error that the handler swallows',
    'listener-error',
    {
      listener: () => {
        throw new Error('refused');
      },
      handler: () => undefined,
    },
    { publish: swallow },
  ],
  [
    'an error of the handler alone',
    'handler-error',
    { listener: () => undefined, handler: async () => Promise.reject(new Error('broken')) },
  ],
  [
    'an error of both',
    'both-error',
    {
      listener: () => {
        throw new Error('refused');
      },
      handler: () => {
        throw new Error('refused');
      },
    },
    { publish: swallow },
  ],
  [
    'a handler slower than its budget',
    'handler-error',
    { listener: () => send(), handler: async () => [send(), await never] },
    { budget: 50 },
  ],
  ['a fetch of the handler', 'untrusted', { listener: () => undefined, handler: async () => fetch(webUrl) }],
  [
    'a fetch whose refusal the handler swallows',
    'untrusted',
    { listener: () => undefined, handler: async () => fetch(webUrl).catch(() => undefined) },
  ],
  ['a fetch of the listener', 'untrusted', { listener: async () => fetch(webUrl), handler: () => undefined }],
  [
    'a write to a connection that is open',
    'untrusted',
    { listener: () => undefined, handler: () => void session.write('GET / HTTP/1.1\r\n\r\n') },
  ],
  [
    'the same write by the listener',
    'untrusted',
    { listener: () => void session.write('GET / HTTP/1.1\r\n\r\n'), handler: () => undefined },
  ],
  [
    'an id that is a wrong one',
    'mismatch',
    {
      listener: () => mails.send('0192f0c1-2222-4333-8444-555566667777'),
      handler: () => mails.send('0192f0c1-2222-4333-8444-555566667778'),
    },
  ],
  [
    'one id made where there were two',
    'mismatch',
    {
      listener: () => mails.send(crypto.randomUUID(), crypto.randomUUID()),
      handler: () => {
        const id = crypto.randomUUID();
        mails.send(id, id);
      },
    },
  ],
  [
    'the time of the event where it was the time of the run',
    'mismatch',
    {
      listener: () => mails.send(new Date()),
      handler: (_, { timestamp }) => mails.send(timestamp),
    },
  ],
  [
    'an effect that floats behind the run',
    'untrusted',
    {
      listener: () => send(),
      handler: () => void setImmediate(() => send()),
    },
  ],
];

const alike: readonly Case[] = [
  ['the same call', 'match', { listener: () => send(), handler: () => send() }],
  [
    'the same calls in another order, where none counts',
    'match',
    { listener: () => [send('a'), send('b')], handler: () => [send('b'), send('a')] },
  ],
  [
    'times and ids of their own',
    'match',
    {
      listener: () =>
        mails.send(new Date(), Date.now(), {
          id: crypto.randomUUID(),
          path: `/o/${nodeCrypto.randomUUID()}`,
        }),
      handler: () =>
        mails.send(new Date(), Date.now(), {
          id: crypto.randomUUID(),
          path: `/o/${nodeCrypto.randomUUID()}`,
        }),
    },
  ],
  [
    'the same event and job',
    'match',
    {
      listener: async ({ orderId }) => [await publish(orderId), await jobs.add('mail', { orderId })],
      handler: async ({ orderId }) => [await publish(orderId), await jobs.add('mail', { orderId })],
    },
  ],
];

let memory: EventStore;

describe('a verdict', () => {
  beforeAll(() => {
    memory = new EventStore();
  });

  // P9. Seen failing without the guard, the mask or the held-back effect that a case is about.
  it.each(inMemory)('on %s is no match', async (...[, verdict, sides, options]) => {
    expect(await judgedOnce(sides, { store: memory, ...options })).toMatchObject({ verdict });
  });

  it.each(alike)('on %s is a match', async (...[, verdict, sides, options]) => {
    const judged = await judgedOnce(sides, { store: memory, ...options });
    expect(judged).toMatchObject({ verdict, differences: [], escapes: [] });
  });
});

const em = () => orm.em.fork();

async function insert(orderId: string, cents = 100, text = 'tea') {
  const own = em();
  const receipt = own.create(Receipt, { orderId, cents, note: { a: [1] }, sentAt: new Date() });
  own.create(Line, { receipt, text });
  await own.flush();
}

async function update(change: { cents?: number; note?: Record<string, unknown> }) {
  const own = em();
  const receipt = await own.findOneOrFail(Receipt, { orderId: 'known' });
  Object.assign(receipt, change);
  await own.flush();
}

async function increase() {
  const own = em();
  const receipt = await own.findOneOrFail(Receipt, { orderId: 'known' });
  for (const _ of [1, 2]) {
    receipt.cents += 1;
    await own.flush();
  }
}

async function removeOne(orderId: string) {
  const own = em();
  const lines = await own.find(Line, { receipt: { orderId } }, { populate: ['receipt'] });
  for (const line of lines) own.remove(line).remove(line.receipt.unwrap());
  await own.flush();
}

/** Two receipts, and a line of one of them. */
async function attach(orderId: string, to: 0 | 1) {
  const own = em();
  const receipts = [1, 2].map((cents) => own.create(Receipt, { orderId, cents }));
  await own.flush();
  own.create(Line, { receipt: receipts[to] as never, text: 'tea' });
  await own.flush();
}

async function insertPlain(orderId: string) {
  const own = em();
  own.create(Receipt, { orderId, cents: 100 });
  await own.flush();
}

async function insertInVain(orderId: string) {
  const vain = new Error('in vain');
  const work = em().transactional(async (own) => {
    own.create(Receipt, { orderId, cents: 100 });
    await own.flush();
    throw vain;
  });
  await work.catch((error: unknown) => expect(error).toBe(vain));
}

async function sideBySide(orderId: string) {
  await Promise.all([
    insertPlain(orderId),
    insertInVain(orderId),
    insertPlain(orderId),
    insertInVain(orderId),
    insertPlain(orderId),
  ]);
  mails.send(await em().count(Receipt, { orderId }));
}

const insertion = "insert into receipts (order_id, cents) values ('raw', 1)";

const onRows: readonly Case[] = [
  [
    'a row with another value',
    'mismatch',
    { listener: ({ orderId }) => insert(orderId), handler: ({ orderId }) => insert(orderId, 99) },
  ],
  ['a row too few', 'mismatch', { listener: ({ orderId }) => insert(orderId), handler: () => undefined }],
  ['a row too many', 'mismatch', { listener: () => undefined, handler: ({ orderId }) => insert(orderId) }],
  [
    'another column changed',
    'mismatch',
    { listener: () => update({ cents: 7 }), handler: () => update({ note: { b: 8 } }) },
  ],
  [
    'an update in place of an insert',
    'mismatch',
    { listener: ({ orderId }) => insert(orderId), handler: () => update({ cents: 9 }) },
  ],
  [
    'a child of the wrong parent',
    'mismatch',
    { listener: ({ orderId }) => attach(orderId, 0), handler: ({ orderId }) => attach(orderId, 1) },
  ],
  [
    'a row that the handler rolls back',
    'mismatch',
    {
      listener: ({ orderId }) => insertPlain(orderId),
      handler: ({ orderId }) => insertInVain(orderId),
    },
  ],
  ['SQL of the handler', 'untrusted', { listener: () => undefined, handler: () => em().execute(insertion) }],
  ['SQL of the listener', 'untrusted', { listener: () => em().execute(insertion), handler: () => undefined }],
  [
    'the same SQL of both',
    'untrusted',
    { listener: () => em().execute(insertion), handler: () => em().execute(insertion) },
  ],
  [
    'a query builder that writes',
    'untrusted',
    {
      listener: () => undefined,
      handler: async () => em().nativeUpdate(Receipt, { orderId: 'known' }, { cents: 3 }),
    },
  ],
  [
    'a write past the entity manager',
    'untrusted',
    {
      listener: () => undefined,
      handler: async () =>
        em()
          .getKysely()
          .deleteFrom('receipts' as never)
          .execute(),
    },
  ],
  [
    'the same by the listener',
    'untrusted',
    {
      listener: async () =>
        em()
          .getKysely()
          .deleteFrom('lines' as never)
          .where('id' as never, '=', -1 as never)
          .execute(),
      handler: () => undefined,
    },
  ],
  [
    'a function that is selected',
    'untrusted',
    { listener: () => undefined, handler: () => em().execute("select nextval('receipts_id_seq')") },
  ],
];

const alikeOnRows: readonly Case[] = [
  [
    'the same rows, with keys and times of their own',
    'match',
    { listener: ({ orderId }) => insert(orderId), handler: ({ orderId }) => insert(orderId) },
  ],
  [
    'the same columns changed, which the handler would find changed already',
    'match',
    {
      listener: () => update({ cents: 11, note: { c: [{ d: 'é' }] } }),
      handler: () => update({ cents: 11, note: { c: [{ d: 'é' }] } }),
    },
  ],
  ['the same step from what there was', 'match', { listener: () => increase(), handler: () => increase() }],
  [
    'the same rows removed, children first',
    'match',
    { listener: () => removeOne('first'), handler: () => removeOne('first') },
  ],
  [
    'children of the same parents',
    'match',
    { listener: ({ orderId }) => attach(orderId, 1), handler: ({ orderId }) => attach(orderId, 1) },
  ],
  [
    'reads alone',
    'match',
    {
      listener: () => em().find(Receipt, {}),
      handler: async () => [
        await em().findAll(Line),
        await em().execute('select count(*) from receipts'),
        await store.read.stream('x').toArray(),
      ],
    },
  ],
  [
    'rows that both roll back',
    'match',
    { listener: ({ orderId }) => insertInVain(orderId), handler: ({ orderId }) => insertInVain(orderId) },
  ],
  [
    'transactions side by side, of which one fails',
    'match',
    { listener: ({ orderId }) => sideBySide(orderId), handler: ({ orderId }) => sideBySide(orderId) },
  ],
  [
    'two flushes side by side',
    'match',
    {
      listener: ({ orderId }) => insert(orderId, 1, 'a'),
      handler: ({ orderId }) => Promise.all([insert(orderId, 1, 'a'), em().find(Line, {})]),
    },
  ],
  [
    'a row that the listener leaves to the flush of its publisher',
    'match',
    {
      listener: ({ orderId }) => void orm.em.create(Receipt, { orderId, cents: 1 }),
      handler: async ({ orderId }) => {
        orm.em.create(Receipt, { orderId, cents: 1 });
        await orm.em.flush();
      },
    },
    { publish: inTransaction },
  ],
  [
    'a row that both leave to a flush of somebody else',
    'match',
    {
      listener: ({ orderId }) => void orm.em.create(Receipt, { orderId, cents: 1 }),
      handler: ({ orderId }) => void orm.em.create(Receipt, { orderId, cents: 1 }),
    },
    { publish: inTransaction },
  ],
  [
    'a flush of the listener that writes what its publisher had changed',
    'match',
    { listener: () => orm.em.flush(), handler: () => undefined },
    { publish: changedBefore },
  ],
];

const leftToTheFlush: readonly Case[] = [
  [
    'a change left to the publisher that the handler does not make',
    'mismatch',
    {
      listener: ({ orderId }) => void orm.em.create(Receipt, { orderId, cents: 1 }),
      handler: () => undefined,
    },
    { publish: inTransaction },
  ],
  [
    'a column left to the publisher that is another one',
    'mismatch',
    {
      listener: () => {
        for (const receipt of orm.em.getContext().getUnitOfWork().getIdentityMap())
          Object.assign(receipt, { cents: 78 });
      },
      handler: () => update({ cents: 77 }),
    },
    { publish: changedBefore },
  ],
  [
    'a change after the first wait, in a unit of work that is not its own',
    'untrusted',
    {
      listener: async ({ orderId }) => {
        await Promise.resolve();
        orm.em.create(Receipt, { orderId, cents: 1 });
      },
      handler: () => undefined,
    },
    { publish: inTransaction },
  ],
];

describe('a verdict on rows of PostgreSQL', () => {
  beforeAll(async () => {
    const own = em();
    own.create(Receipt, { orderId: 'known', cents: 1, note: {} });
    const receipt = own.create(Receipt, { orderId: 'first', cents: 1, sentAt: new Date(0) });
    own.create(Line, { receipt, text: 'tea' });
    await own.flush();
  });

  it('trusts no rows of a transaction that nobody has ended', async () => {
    const write = async (own: ReturnType<typeof em>) => {
      own.create(Receipt, { orderId: 'tentative', cents: 1 });
      await own.flush();
    };
    const begun = async (end: 'commit' | 'nothing') => {
      const own = em();
      await own.begin();
      await write(own);
      if (end === 'commit') await own.commit();
    };
    const listener = async () => em().transactional(write);
    const ended = await judgedOnce({ listener, handler: () => begun('commit') }, { store });
    expect(ended).toMatchObject({ verdict: 'match', escapes: [] });
    const open = await judgedOnce({ listener, handler: () => begun('nothing') }, { store });
    expect(open).toMatchObject({
      verdict: 'untrusted',
      escapes: ['a transaction that the run has not ended'],
    });
  });

  // P9
  it.each([...onRows, ...leftToTheFlush])('on %s is no match', async (...[, verdict, sides, options]) => {
    expect(await judgedOnce(sides, { store, ...options })).toMatchObject({ verdict });
  });

  it.each(alikeOnRows)('on %s is a match', async (...[, verdict, sides, options]) => {
    const judged = await judgedOnce(sides, { store, ...options });
    expect(judged).toMatchObject({ verdict, differences: [], escapes: [] });
  });
});

function inTransaction(broadcast: () => void) {
  return em().transactional(async () => {
    broadcast();
    await Promise.resolve();
  });
}

/** The publisher has changed an entity and not flushed it yet. */
function changedBefore(broadcast: () => void) {
  return em().transactional(async (own) => {
    const receipt = await own.findOneOrFail(Receipt, { orderId: 'known' });
    receipt.cents += 1_000;
    broadcast();
    await Promise.resolve();
  });
}

async function publish(orderId: string, stream = `Receipt-${orderId}`) {
  await memory.publish(new ReceiptSent({ orderId }), { stream });
}

function swallow(broadcast: () => void): void {
  expect(broadcast).toThrow('refused');
}
