import { BaseEntity, OptionalProps, type EntityManager } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property, ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { MikroORM } from '@mikro-orm/postgresql';
import { defineEvent, effectPort, EventStore } from 'handover';
import { createBus, type Stage } from 'handover/legacy';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';

/** `key` is of one broadcast or publication alone. */
export class OrderPaid extends defineEvent<{ order: number; key: string }>('OrderPaid') {}

export interface ShopOptions {
  readonly stage: Stage;
  /** Follows {@link restlessFlag}, in place of promotions. */
  readonly isFlagged?: boolean;
  /** Stands around the work of the handler. */
  readonly around?: (event: OrderPaid, work: () => Promise<void>) => Promise<void>;
}

const steps = ['shadow', 'live:50', 'live', 'handler', 'live:30', 'record'];

/** Something else each time that a process looks: one step forward, or back. The same in every process. */
const restlessFlag = { textOf: async () => steps[Math.floor(Date.now() / 900) % steps.length] };

/** One process of an application whose old listener and new handler both book payments: a row each. */
export async function openShop(clientUrl: string, { stage, isFlagged = false, around }: ShopOptions) {
  const bus = createBus();

  @Entity({ tableName: 'orders' })
  class Order extends bus.Publisher(BaseEntity) {
    [OptionalProps]?: 'listeners';

    @PrimaryKey({ type: 'integer' })
    id!: number;

    @Property({ type: 'integer' })
    number!: number;

    pay(key: string): void {
      this.broadcast('order_paid', { order: this.number, key });
    }
  }

  const orm: MikroORM = await MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Order],
    metadataProvider: ReflectMetadataProvider,
    allowGlobalContext: true,
    clientUrl,
  });
  const till = effectPort('till', {
    /** In the transaction that is open here, else by itself. */
    book: async (side: string, key: string) =>
      void (await orm.em.execute('insert into performed (side, key) values (?, ?)', [side, key])),
  });
  const booking: Promise<void>[] = [];
  const heard = new Set<string>();
  class Bookkeeper {
    order_paid({ key }: { key: string }) {
      heard.add(key);
      const booked = till.book('listener', key);
      booking.push(booked);
      return booked;
    }
  }
  const bookkeeper = new Bookkeeper();
  bus.subscribe(bookkeeper);
  const store = new EventStore({ log: mikroOrmLog(orm), events: [OrderPaid] });
  const errors: Error[] = [];
  bus.onError((error) => errors.push(error));
  store.onError((error) => errors.push(error as Error));
  const book = (event: OrderPaid) => till.book('handler', event.data.key);
  const pair = bus.pair('payments', {
    event: OrderPaid,
    listener: [bookkeeper, 'order_paid'],
    handler: (event: OrderPaid) => around?.(event, () => book(event)) ?? book(event),
    subscribe: { run: 'queued', name: 'payments', attempts: 100, backoff: { base: 1, cap: 20 } },
    stage,
    budget: 60_000,
    normalise: (effect) => (effect.kind === 'call' ? { ...effect, args: effect.args.slice(1) } : effect),
    flags: isFlagged ? restlessFlag : undefined,
  });
  const disconnect = bus.connect(store, {
    events: {
      order_paid: { event: OrderPaid, stream: ({ order }) => `Order-${order}`, args: ({ data }) => [data] },
    },
  });
  return {
    bus,
    orm,
    store,
    pair,
    saveOrder: async (em: EntityManager, number: number): Promise<{ pay(key: string): void }> => {
      const order = em.create(Order, { number });
      em.persist(order);
      await em.flush();
      return order;
    },
    errors,
    /** Keys that the listener was called for. */
    heard,
    /** Waits for the rows of the listener calls so far. */
    booked: async () => void (await Promise.all(booking.splice(0))),
    close: async () => {
      await store.close();
      disconnect();
      await orm.close(true);
    },
  };
}

export type Shop = Awaited<ReturnType<typeof openShop>>;
