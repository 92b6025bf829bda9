import type { Perform } from '../delivery/worker/delivery-run.js';
import type { Revive } from '../delivery/worker/keys.js';
import type { DeliveryLog } from '../delivery/delivery-log.js';
import { DeliveryLost, UnexpectedEventType } from '../errors/delivery-errors.js';
import type { Event } from '../events/event.js';
import type { EventLog } from '../log/event-log.js';
import { runWithin } from './context.js';
import type { EventTypes } from './event-types.js';

/**
 * Runs queued handlers as this store's: what they publish names the event as its cause. A projection that is replayed
 * cannot publish (hazards H14).
 *
 * Unless their effects are external, they run in a transaction of their own, which holds the completion mark too: a
 * worker that has lost the delivery cannot commit (hazards H8).
 */
export function queuedPerformer(
  store: object,
  { log, deliveries, types }: { log: EventLog; deliveries: DeliveryLog; types: EventTypes },
): Perform {
  return async (handler, delivery, context) => {
    const event = reviveFor(types)(handler, delivery.event);
    const handle = () => handler.call(event, context);
    const { transactions } = log;
    const replaying = handler.queued.kind === 'projection' && delivery.replaying ? handler.name : undefined;
    return runWithin(store, { ...causedBy(event), replaying }, async () => {
      if (handler.queued.effects === 'external' || transactions === undefined) {
        await handle();
        return 'handled';
      }
      await transactions.run(async () => {
        await handle();
        context.signal.throwIfAborted();
        const lost = await deliveries.complete([delivery.token]);
        if (lost.length > 0) throw new DeliveryLost(handler.name, event.id);
      });
      return 'committed';
    });
  };
}

export function reviveFor(types: EventTypes): Revive {
  return ({ name, types: wanted }, event) => {
    if (wanted !== undefined && !wanted.includes(event.type)) throw new UnexpectedEventType(name, event.type);
    return types.revive(event);
  };
}

function causedBy(event: Event) {
  const metadata = { correlationId: event.correlationId ?? event.id, causationId: event.id };
  return { metadata, chain: [event.type] };
}
