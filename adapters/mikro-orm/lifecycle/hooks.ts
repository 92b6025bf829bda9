import type { EventManager, EventSubscriber, MikroORM } from '@mikro-orm/core';

const hooks = [
  'onFlush',
  'afterCreate',
  'afterUpdate',
  'afterDelete',
  'afterUpsert',
  'afterFlush',
  'beforeTransactionCommit',
] as const;

/** Hears what MikroORM does, for as long as it listens. */
export type Audience = {
  readonly [Hook in (typeof hooks)[number]]?: EventSubscriber<object>[Hook] | undefined;
};

const audiences = new WeakMap<EventManager, Set<Audience>>();

/**
 * Lets `audience` hear the ORM and all its entity managers, except those forked with an event manager of their own.
 * MikroORM cannot unregister a subscriber, so one stays for good and passes on to those that still listen.
 */
export function listen(orm: MikroORM, audience: Audience): () => void {
  const eventManager = orm.em.getEventManager();
  const listening = audiences.get(eventManager) ?? install(eventManager);
  listening.add(audience);
  return () => void listening.delete(audience);
}

function install(eventManager: EventManager): Set<Audience> {
  const listening = new Set<Audience>();
  const relay = (hook: (typeof hooks)[number]) => async (args: never) => {
    for (const audience of listening) await audience[hook]?.(args);
  };
  eventManager.registerSubscriber(Object.fromEntries(hooks.map((hook) => [hook, relay(hook)])));
  audiences.set(eventManager, listening);
  return listening;
}
