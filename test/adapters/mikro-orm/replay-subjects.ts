import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';

export class PriceUpdated extends defineEvent<{ item: number; price: number }>('PriceUpdated') {}

export const PriceView = defineEntity({
  name: 'PriceView',
  tableName: 'price_view',
  properties: { item: p.integer().primary(), updates: p.integer(), sum: p.integer() },
});

export const handlerName = 'catalog.price-view';

export function connect(clientUrl: string): Promise<MikroORM> {
  return MikroORM.init({ ...ignoreHandoverSchema(), entities: [PriceView], clientUrl, pool: { max: 20 } });
}

/** A store whose projection counts each event in the row of its item. */
export function storeWithView(orm: MikroORM): EventStore {
  const store = new EventStore({ log: mikroOrmLog(orm) });
  store.subscribe(
    async ({ data: { item, price } }) => {
      await orm.em.getContext().execute(
        `insert into price_view values (?, 1, ?)
          on conflict (item) do update set updates = price_view.updates + 1, sum = price_view.sum + excluded.sum`,
        [item, price],
      );
    },
    { to: [PriceUpdated], run: 'queued', name: handlerName, kind: 'projection', backoff: 10 },
  );
  return store;
}
