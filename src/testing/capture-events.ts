import { InvalidArgument } from '../errors/argument-errors.js';
import type { EventClass } from '../events/define-event.js';
import type { Event } from '../events/event.js';
import type { EventStore } from '../store/event-store.js';

type Work = () => unknown;
type EventsOf<T extends readonly EventClass[]> = T[number] extends EventClass<infer E> ? E : Event;

/**
 * Runs `work` and returns what was recorded meanwhile, oldest first: published, appended, or broadcast on a connected
 * bus. What a transaction rolled back is not in it.
 *
 * Hears only this async context, so that tests may run side by side; handlers stay silent inside. It waits for what
 * the legacy bus still records in the background. When `work` throws, so does this.
 *
 * @param eventClasses Which events to return; leave them out for all.
 */
export async function captureEvents(store: EventStore, work: Work): Promise<Event[]>;
export async function captureEvents<T extends readonly EventClass[]>(
  store: EventStore,
  eventClasses: T,
  work: Work,
): Promise<EventsOf<T>[]>;
export async function captureEvents(
  store: EventStore,
  first: readonly EventClass[] | Work,
  second?: Work,
): Promise<Event[]> {
  const [eventClasses, work] = typeof first === 'function' ? [undefined, first] : [first, second];
  if (typeof work !== 'function') throw new InvalidArgument('work', 'a function', work);
  if (eventClasses !== undefined) store.register(...eventClasses);
  const captured: Event[] = [];
  await store.capture(captured, work);
  await store.settled();
  const types = eventClasses?.map((eventClass) => eventClass.type);
  return captured.filter((event) => types === undefined || types.includes(event.type));
}
