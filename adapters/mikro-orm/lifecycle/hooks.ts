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

type HookName = (typeof hooks)[number];

/** By hook, so that MikroORM need not call hooks that nobody wants. */
const audiences = new WeakMap<EventManager, Map<HookName, Set<Audience>>>();

/**
 * Lets `audience` hear the ORM and all its entity managers, except those forked with an event manager of their own.
 * MikroORM cannot unregister a subscriber, so one stays for good and passes on to those that still listen.
 */
export function listen(orm: MikroORM, audience: Audience): () => void {
  const eventManager = orm.em.getEventManager();
  const byHook = audiences.get(eventManager) ?? new Map<HookName, Set<Audience>>();
  audiences.set(eventManager, byHook);
  const wanted = hooks.filter((hook) => audience[hook] !== undefined);
  for (const hook of wanted) {
    const listening = byHook.get(hook) ?? install(eventManager, hook);
    byHook.set(hook, listening.add(audience));
  }
  return () => {
    for (const hook of wanted) byHook.get(hook)?.delete(audience);
  };
}

function install(eventManager: EventManager, hook: HookName): Set<Audience> {
  const listening = new Set<Audience>();
  const relay = async (args: never) => {
    for (const audience of listening) await audience[hook]?.(args);
  };
  eventManager.registerSubscriber({ [hook]: relay });
  return listening;
}
