import {
  BacklogFull,
  InvalidArgument,
  PublishedInReplay,
  RecordingFailed,
  UnmappedBroadcast,
  type BackgroundSource,
  type Event,
  type EventClass,
  type EventStore,
  type Publication,
} from '../src/index.js';
import { Backlog, defaultBacklog, type BacklogOptions } from './backlog.js';
import { toEventName } from './event-name.js';
import { rawEvent, readMapping, type EventMap, type MappedEvent } from './event-mapping.js';
import type { Broadcast, Recorded, Recorder } from './recorder.js';

export interface ConnectOptions {
  /** Broadcast names and the events they are recorded as. */
  readonly events?: EventMap | undefined;
  /**
   * What becomes of other broadcasts. `'record'` (default): an event whose type is the name and whose data is
   * `{ args }`. `'ignore'`: not recorded. `'refuse'`: `broadcast()` throws `UnmappedBroadcast`.
   */
  readonly unmapped?: 'record' | 'ignore' | 'refuse' | undefined;
  readonly backlog?: Partial<BacklogOptions> | undefined;
}

/** What a connection needs from its bus. */
export interface ConnectedBus {
  /** Lets listeners hear an event that new code published. */
  deliver(eventName: string, args: readonly unknown[], event: Event): void;
  /** An event was rolled back whose broadcast has been heard. */
  rolledBack(event: Event): void;
  /** The event may still be rolled back. */
  enlisted(event: Event): void;
  report(error: Error): void;
  /** Waits for listeners after the commit. False when none runs. */
  wait(): Promise<boolean>;
}

/** One bus on one store: every broadcast is recorded, and mapped events of new code reach the old listeners. */
export class Connection implements Recorder, BackgroundSource {
  readonly #store: EventStore;
  readonly #bus: ConnectedBus;
  readonly #mapped: ReadonlyMap<string, MappedEvent>;
  readonly #unmapped: 'record' | 'ignore' | 'refuse';
  readonly #backlog: Backlog;
  /** Events that came from this bus: its listeners have heard them. */
  readonly #own = new WeakSet<Event>();
  readonly #unsubscribe: readonly (() => void)[];

  constructor(store: EventStore, bus: ConnectedBus, options: ConnectOptions) {
    this.#store = store;
    this.#bus = bus;
    this.#unmapped = readUnmapped(options.unmapped);
    this.#mapped = readEvents(options.events);
    this.#backlog = new Backlog(store.recording, { ...defaultBacklog, ...options.backlog }, (error) =>
      bus.report(error),
    );
    store.register(...[...this.#mapped.values()].map((each) => each.eventClass));
    store.recording.attach(this);
    this.#unsubscribe = [...this.#mapped.values()].flatMap((each) => this.#listen(each));
  }

  /** @throws {BacklogFull} {UnmappedBroadcast} {PublishedInReplay} before any listener hears the broadcast. */
  record(broadcast: Broadcast): Event | undefined {
    return this.#record(broadcast, this.#mappedAs(broadcast));
  }

  /** @throws What {@link record} throws. */
  recordFor(broadcast: Broadcast, hear: (event: Event | undefined) => void): Recorded {
    const mapped = this.#mappedAs(broadcast);
    if (mapped === undefined && this.#unmapped === 'ignore') {
      return { event: undefined, waits: this.#follow(broadcast, () => hear(undefined)) };
    }
    return { event: this.#record(broadcast, mapped, hear), waits: true };
  }

  /** Also waits for listeners after the commit, and for what they broadcast. */
  async settled(): Promise<void> {
    do await this.#backlog.settled();
    while (await this.#bus.wait());
  }

  async close(): Promise<void> {
    await this.#backlog.close();
    await this.settled();
  }

  /** Whether listeners hear it: it was broadcast here, or its mapping says what they get of it. */
  isHeard(event: Event): boolean {
    if (this.#own.has(event)) return true;
    return [...this.#mapped.values()].some(
      ({ eventClass, toArgs }) => eventClass.type === event.type && toArgs !== undefined,
    );
  }

  /** What the listeners of a broadcast get of an event; `undefined` where the mapping does not say. */
  argsOf(eventClass: EventClass, event: Event): readonly unknown[] | undefined {
    return [...this.#mapped.values()].find((each) => each.eventClass === eventClass)?.toArgs?.(event);
  }

  /** What broadcasts of this name, which may be none, are recorded as. */
  eventClassOf(name: string): EventClass | undefined {
    return this.#mapped.get(name.replaceAll('-', '_'))?.eventClass;
  }

  /** Ends the connection; what was broadcast before is still recorded. */
  end(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #mappedAs({ eventName }: Broadcast): MappedEvent | undefined {
    return this.#mapped.get(eventName) ?? this.#mapped.get(toEventName(eventName));
  }

  #record(broadcast: Broadcast, mapped: MappedEvent | undefined, hear?: Hear): Event | undefined {
    if (mapped === undefined && this.#unmapped === 'ignore') return undefined;
    if (mapped === undefined && this.#unmapped === 'refuse') throw new UnmappedBroadcast(broadcast.eventName);
    try {
      return this.#take(broadcast, mapped, hear);
    } catch (error) {
      if (error instanceof BacklogFull || error instanceof PublishedInReplay) throw error;
      this.#bus.report(new RecordingFailed(broadcast.eventName, error));
      return undefined;
    }
  }

  #take(broadcast: Broadcast, mapped: MappedEvent | undefined, hear: Hear | undefined): Event {
    const { eventName, publisher } = broadcast;
    const event = mapped === undefined ? rawEvent(broadcast) : mapped.toEvent(broadcast);
    const { recording } = this.#store;
    this.#own.add(event);
    const prepared = recording.prepare(event, { stream: mapped?.streamOf(broadcast) });
    const ready = (publication: Publication): Publication => {
      for (const each of publication.events) this.#own.add(each);
      if (hear === undefined) return publication;
      return recording.tellFirst(publication, `legacy listeners of ${eventName}`, () => hear(event));
    };
    if (prepared instanceof Promise) {
      if (recording.isInTransaction(publisher)) throw waitsInTransaction(eventName, prepared);
      this.#backlog.push(eventName, prepared.then(ready));
      return event;
    }
    const publication = ready(prepared);
    if (recording.enlist(publication, publisher, () => this.#bus.rolledBack(event))) {
      this.#bus.enlisted(event);
    } else {
      this.#backlog.push(eventName, publication);
    }
    return event;
  }

  /** Of what is not recorded: whether there is a transaction that decides whether it is heard. */
  #follow({ publisher }: Broadcast, hear: () => void): boolean {
    try {
      return this.#store.recording.follow(hear, publisher);
    } catch (error) {
      this.#bus.report(error as Error);
      return true;
    }
  }

  #listen({ eventName, eventClass, toArgs }: MappedEvent): readonly (() => void)[] {
    if (toArgs === undefined) return [];
    const deliver = (event: Event): void => {
      if (!this.#own.has(event)) this.#bus.deliver(eventName, toArgs(event), event);
    };
    return [this.#store.subscribe(deliver, { to: [eventClass], name: `legacy listeners of ${eventName}` })];
  }
}

type Hear = (event: Event | undefined) => void;

function waitsInTransaction(eventName: string, prepared: Promise<Publication>): InvalidArgument {
  prepared.catch(() => undefined);
  return new InvalidArgument(
    `events.${eventName}`,
    'an event whose schema validates synchronously, because broadcast() cannot wait inside a transaction',
    'an asynchronous validator',
    'Make the validator synchronous, or publish this event with `await store.publish()`.',
  );
}

function readUnmapped(unmapped: unknown = 'record'): 'record' | 'ignore' | 'refuse' {
  if (unmapped === 'record' || unmapped === 'ignore' || unmapped === 'refuse') return unmapped;
  throw new InvalidArgument('unmapped', "'record', 'ignore' or 'refuse'", unmapped);
}

function readEvents(events: unknown = {}): ReadonlyMap<string, MappedEvent> {
  if (typeof events !== 'object' || events === null) {
    throw new InvalidArgument('events', 'an object of broadcast names and event classes', events);
  }
  const mapped = new Map<string, MappedEvent>();
  for (const [name, given] of Object.entries(events)) {
    const eventName = toEventName(name);
    if (mapped.has(eventName)) {
      throw new InvalidArgument('events', `"${eventName}" once`, name, 'Every `-` of a name is a `_`.');
    }
    mapped.set(eventName, readMapping(eventName, given));
  }
  return mapped;
}
