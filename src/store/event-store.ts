import {
  toSubscription,
  type DeclaredHandler,
  type DeclaredOptions,
  type Handler,
  type SubscribeOptions,
} from '../delivery/handler.js';
import type { Declaration, EventOf, HandlesOptions } from '../delivery/handles.js';
import type { DeadLetters } from '../delivery/dead-letters.js';
import type { Replays } from '../delivery/replays.js';
import { surround, type Around } from '../delivery/subscription.js';
import { Subscriptions } from '../delivery/subscriptions.js';
import type { Why } from '../delivery/why.js';
import type { WorkOptions } from '../delivery/worker/worker-options.js';
import type { Worker } from '../delivery/worker/worker.js';
import { InvalidArgument } from '../errors/argument-errors.js';
import type { EventClass } from '../events/define-event.js';
import type { Event } from '../events/event.js';
import { checkEventId } from '../events/event-id.js';
import type { Metadata } from '../events/metadata.js';
import { newId } from '../events/new-id.js';
import type { EventLog } from '../log/event-log.js';
import { memoryLog } from '../log/memory/memory-log.js';
import { isPlainObject } from '../mapping/plain-object.js';
import type { PublishOptions } from '../log/publish-options.js';
import { Announcer } from './announcer.js';
import { contextOf, runWithin, type EventSink } from './context.js';
import { ErrorReports } from '../errors/error-reports.js';
import { outsideScopes } from '../effects/effect-scope.js';
import { isCaptured, type Announcement } from './captured-publication.js';
import { EventTypes } from './event-types.js';
import { Lookups } from './lookups.js';
import { Preparation } from './preparation.js';
import { Queue } from './queue.js';
import { Reader } from './reader.js';
import { Recording, type SurroundedSubscription } from './recording.js';
import { checkStoreOptions, limitsFrom, type EventStoreOptions } from './options.js';
import { Stamps } from './stamps.js';
import { StreamChanges, type LinkOptions } from './stream-changes.js';
import { TemporarySubscriptions } from './temporary-subscriptions.js';
import { Writer } from './writer.js';

/** An event as the log gives it back. */
export type Recorded<E extends Event = Event> = E & { readonly timestamp: Date; readonly validAt: Date };

/** The permanent record of what happened, and the bus that tells handlers about it. */
export class EventStore implements AsyncDisposable {
  readonly #log: EventLog;
  readonly #types = new EventTypes();
  readonly #subscriptions = new Subscriptions();
  readonly #errors = new ErrorReports();
  readonly #lookups: Lookups;
  readonly #preparation: Preparation;
  readonly #announcer: Announcer;
  readonly #queue: Queue;
  readonly #writer: Writer;
  readonly #streamChanges: StreamChanges;
  /** The way in for publishers that cannot wait, such as the legacy bus. */
  readonly recording: Recording;
  #closed: Promise<void> | undefined;

  constructor(options: EventStoreOptions = {}) {
    checkStoreOptions(options);
    this.#log = options.log ?? memoryLog();
    this.#lookups = new Lookups(this.#log);
    for (const eventClass of options.events ?? []) this.#types.learn(eventClass);
    const stamps = new Stamps();
    this.#preparation = new Preparation(this, this.#types, {
      limits: limitsFrom(options),
      clock: options.clock,
      newCorrelationId: options.correlationIdGenerator ?? newId,
      publishOptions: this.#log.publishOptions,
      stamps,
    });
    this.#announcer = new Announcer(this, this.#subscriptions, this.#log.transactions);
    const report = (error: unknown) => this.#errors.report(error);
    const [log, types, subscriptions] = [this.#log, this.#types, this.#subscriptions];
    const { scheduler } = options;
    const publish = (event: Event, given?: PublishOptions) => this.publish(event, given);
    this.#queue = new Queue(this, { log, types, subscriptions, scheduler, publish, report });
    this.#writer = new Writer(this.#log, this.#announcer, this.#queue, report);
    this.#streamChanges = new StreamChanges(this.#log, this.#preparation);
    this.recording = new Recording(this.#log, this.#preparation, this.#writer, this.#announcer, {
      stamps,
      subscribe: (handler, declaration, around) => this.#subscribe(handler, declaration, around),
    });
  }

  /** Creates or upgrades the log's schema. Idempotent, and safe from many starters at once. */
  migrate(): Promise<void> {
    return this.#log.migrate();
  }

  /**
   * Records events, all or none, then runs their handlers. Within an open transaction of the log's database they
   * commit or vanish with it, and handlers run after its outermost commit.
   *
   * @returns The recorded events, in order.
   * @throws {InvalidEvent} {InvalidPayload} {PayloadTooLarge} {InvalidStreamName} {InvalidArgument} before any SQL
   * @throws {WrongExpectedVersion} {DuplicateEvent} Nothing was written; an open transaction stays healthy.
   * @throws {HandlersFailed} The events are stored and every handler ran; `errors` names those that failed.
   */
  publish<E extends Event>(
    events: E | readonly E[],
    options: PublishOptions = {},
  ): Promise<readonly Recorded<E>[]> {
    return this.#record<E>(events, options, 'published');
  }

  /** Records events like {@link publish}, and tells nobody in this process. Queued handlers follow the log. */
  append<E extends Event>(
    events: E | readonly E[],
    options: PublishOptions = {},
  ): Promise<readonly Recorded<E>[]> {
    return this.#record<E>(events, options, 'appended');
  }

  /**
   * Adds stored events to a further stream, all or none. Handlers are not told.
   *
   * @throws {EventNotFound} {DuplicateEvent} {WrongExpectedVersion}
   */
  async link(eventIds: string | readonly string[], options: LinkOptions): Promise<void> {
    await this.#streamChanges.link(eventIds, options);
  }

  /** Takes every event out of the stream, which then starts anew. The events stay in the global order. */
  async deleteStream(stream: string): Promise<void> {
    await this.#streamChanges.deleteStream(stream);
  }

  /**
   * Replaces type, data, metadata and, where given, `validAt` of stored events with the same ids, all or none. Their
   * streams, versions and timestamps stay. Handlers are not told.
   *
   * @throws {EventNotFound}
   */
  async overwrite(events: Event | readonly Event[]): Promise<void> {
    await this.#streamChanges.overwrite(events);
  }

  /** Starts a question to the log; see {@link Reader}. */
  get read(): Reader {
    return new Reader({ log: this.#log, types: this.#types });
  }

  /** Streams that hold the event, its home first. Unknown ids are in none. */
  async streamsOf(eventId: string): Promise<readonly string[]> {
    return this.#lookups.streamsOf(eventId);
  }

  /** @throws {EventNotFound} The event is not in the stream. */
  async versionIn(stream: string, eventId: string): Promise<number> {
    return this.#lookups.versionIn(stream, eventId);
  }

  /** Place in the global order; positions rise and may have gaps. @throws {EventNotFound} */
  async positionOf(eventId: string): Promise<bigint> {
    return this.#lookups.positionOf(eventId);
  }

  async isIn(stream: string, eventId: string): Promise<boolean> {
    return this.#lookups.isIn(stream, eventId);
  }

  /** Stream names that begin with `prefix`, literally, ascending. `limit` is 10 unless given. */
  async searchStreams(
    prefix: string,
    options: { readonly limit?: number | undefined } = {},
  ): Promise<readonly string[]> {
    return this.#lookups.searchStreams(prefix, options);
  }

  /**
   * Calls `handler` for every event of the types in `to`, from now on.
   *
   * @returns What ends exactly this subscription.
   * @throws {InvalidHandler} {InvalidArgument} {DuplicateEventType} {DuplicateHandler}
   */
  subscribe(handlerClass: DeclaredHandler, options?: DeclaredOptions): () => void;
  subscribe<Target extends EventClass | string>(
    handler: Handler<EventOf<Target>>,
    options: SubscribeOptions<Target>,
  ): () => void;
  subscribe(handler: unknown, options: Declaration = {}): () => void {
    const { end } = this.#subscribe(handler, options);
    return end;
  }

  /** Hears every event, after the handlers of its type. */
  subscribeToAll(handler: Handler, options: HandlesOptions<Event> = {}): () => void {
    return this.#queue.subscribe(toSubscription(handler, options, 'all').subscription);
  }

  /** What was subscribed for a type, in the order of calling. */
  subscribersFor(type: string | EventClass): readonly unknown[] {
    const topic = typeof type === 'string' ? type : type.type;
    return this.#subscriptions.for(topic, contextOf(this).temporary).map((each) => each.handler);
  }

  /** Runs queued handlers here until the worker is disposed or the store closed. @throws {SchemaOutdated} {InvalidArgument} */
  work(options: WorkOptions = {}): Promise<Worker> {
    return this.#queue.work(options);
  }

  /** Deliveries to queued handlers that were given up. */
  get deadLetters(): DeadLetters {
    return this.#queue.deadLetters;
  }

  /** History handled again by one queued handler; see {@link Replays.start}. */
  get replays(): Replays {
    return this.#queue.replays;
  }

  /** What became of an event, for every handler: as data, and with `String(…)` as text. */
  async why(eventId: string): Promise<Why> {
    return this.#queue.why(checkEventId('eventId', eventId));
  }

  /** `await store.within(work).subscribe(handler, { to: [A] }).run()`: handlers for what `work` publishes only. */
  within<T>(work: () => T | Promise<T>): TemporarySubscriptions<T> {
    return new TemporarySubscriptions(this, this.#types, work);
  }

  /** Runs `work` with metadata for everything it publishes; nested calls merge, an event's own metadata wins. */
  withMetadata<T>(metadata: Metadata, work: () => T): T {
    if (typeof work !== 'function') throw new InvalidArgument('withMetadata', 'given a function', work);
    if (!isPlainObject(metadata)) throw new InvalidArgument('metadata', 'a plain object', metadata);
    return runWithin(this, { metadata: { ...contextOf(this).metadata, ...metadata } }, work);
  }

  /** Metadata that an event published here would get. */
  get metadata(): Metadata {
    return contextOf(this).metadata;
  }

  /** Makes the store read this type as this class. Subscribing, publishing and `ofType` do so by themselves. */
  register(...eventClasses: readonly EventClass[]): void {
    for (const eventClass of eventClasses) this.#types.learn(eventClass);
  }

  /** Failures that no caller can be told: handlers after a transaction's commit. @returns What ends the listening. */
  onError(listener: (error: unknown) => void): () => void {
    return this.#errors.listen(listener);
  }

  /** Resolves when everything handed to the store so far is recorded and its handlers have run. */
  async settled(): Promise<void> {
    await this.recording.settled();
    await this.#writer.idle();
  }

  /** Finishes what was begun and releases the log. Calling it again is fine. */
  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Collects, in this async context, every event that is recorded; handlers stay silent. Nested, all collect. */
  capture<T>(sink: EventSink, work: () => T): T {
    const outer = contextOf(this).capture;
    const push = (event: Event) => {
      sink.push(event);
      outer?.push(event);
    };
    return runWithin(this, { capture: { push } }, work);
  }

  async #record<E extends Event>(
    events: unknown,
    options: PublishOptions,
    announcement: Announcement,
  ): Promise<readonly Recorded<E>[]> {
    const prepared = this.#preparation.prepare(events, options);
    const publication = prepared instanceof Promise ? await prepared : prepared;
    if (isCaptured(publication, announcement)) return publication.events as readonly Recorded<E>[];
    const audience = announcement === 'published' ? this.#announcer : this.#announcer.silent;
    return outsideScopes(() => this.#writer.write(publication, audience)) as Promise<readonly Recorded<E>[]>;
  }

  #subscribe(handler: unknown, options: Declaration, around?: Around): SurroundedSubscription {
    const { eventClasses, subscription } = toSubscription(handler, options, 'listed');
    for (const eventClass of eventClasses) this.#types.learn(eventClass);
    const end = this.#queue.subscribe(around === undefined ? subscription : surround(subscription, around));
    return { run: subscription.run, end };
  }

  async #finish(): Promise<void> {
    await this.recording.close();
    await this.#queue.close();
    await this.#writer.idle();
    await this.#log.close();
  }
}
