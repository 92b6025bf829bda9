import { InvalidArgument, type Event, type EventClass, type EventStore } from '../../src/index.js';
import { decisionsAsMetadata, type Decision } from './decision.js';
import type { Way } from './deciding.js';
import { Pair } from './pair.js';
import { pairSettings, type PairOptions } from './pair-options.js';

/** What the bus knows of events that are on their way to the store. */
export interface Hearing {
  /** What the listeners get of it; `undefined` where the mapping does not say. */
  readonly argsOf: (eventClass: EventClass, event: Event) => readonly unknown[] | undefined;
  readonly isHeard: (event: Event) => boolean;
}

/** The pairs of one bus. */
export class Pairs {
  readonly #report: (error: Error) => void;
  readonly #byName = new Map<string, Pair>();
  readonly #byListener = new WeakMap<object, Map<string, Pair>>();
  #connection: { readonly store: EventStore; readonly hearing: Hearing } | undefined;
  #ends: (() => void)[] = [];
  /** Event types whose events are told who performs them. */
  readonly #stamped = new Set<string>();
  /** Rises with each pair: who keeps what it was told of pairs asks again. */
  revision = 0;

  constructor(report: (error: Error) => void) {
    this.#report = report;
  }

  get all(): readonly Pair[] {
    return [...this.#byName.values()];
  }

  /** @throws {InvalidArgument} */
  declare(name: string, options: PairOptions): Pair {
    const settings = pairSettings(name, options);
    if (this.#byName.has(name)) {
      throw new InvalidArgument('name', 'one that no other pair of this bus has', name);
    }
    const { listener, method } = settings;
    const methods = this.#byListener.get(listener) ?? new Map<string, Pair>();
    if (methods.has(method)) {
      throw new InvalidArgument('listener', 'a method that is in no other pair', method);
    }
    const pair = new Pair(settings, this.#report);
    if (this.#connection !== undefined) this.#connect(pair, this.#connection);
    this.#byName.set(name, pair);
    this.#byListener.set(listener, methods.set(method, pair));
    this.revision += 1;
    return pair;
  }

  /** The pair that a method of a listener belongs to. */
  find(listener: object, method: string): Pair | undefined {
    return this.#byListener.get(listener)?.get(method);
  }

  /** A broadcast of this bus is recorded as the event, and about to be heard. */
  broadcasts(event: Event): void {
    for (const pair of this.#of(event.type)) pair.broadcasts(event);
  }

  /** A broadcast could not be recorded as an event of this class. */
  notRecorded(eventClass: EventClass | undefined): void {
    for (const pair of eventClass === undefined ? [] : this.#of(eventClass.type)) pair.notRecorded();
  }

  /** An event that a listener may have heard has been rolled back. */
  rolledBack(event: Event): void {
    for (const pair of this.#of(event.type)) pair.rolledBack(event);
  }

  /** From here on pairs decide for events of this store. @returns What ends it. */
  connect(store: EventStore, hearing: Hearing): () => void {
    this.#connection = { store, hearing };
    for (const pair of this.all) this.#connect(pair, this.#connection);
    return () => {
      this.#connection = undefined;
      for (const end of this.#ends.splice(0)) end();
    };
  }

  #connect(pair: Pair, { store, hearing }: { readonly store: EventStore; readonly hearing: Hearing }): void {
    const { event } = pair.settings;
    this.#ends.push(pair.connect(store, (each) => hearing.argsOf(event, each)));
    if (this.#stamped.has(event.type)) return;
    this.#stamped.add(event.type);
    const end = store.recording.stamp(event.type, (each, stream) =>
      decisionsAsMetadata(this.#decide(each, { stream, isHeard: hearing.isHeard(each) })),
    );
    this.#ends.push(() => {
      this.#stamped.delete(event.type);
      end();
    });
  }

  #decide(event: Event, way: Way): ReadonlyMap<string, Decision> {
    return new Map(this.#of(event.type).map((pair) => [pair.name, pair.decide(event, way)]));
  }

  #of(type: string): readonly Pair[] {
    return this.all.filter((pair) => pair.settings.event.type === type);
  }
}
