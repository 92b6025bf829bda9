import type { Block } from './block-registration.js';
import type { SubscribeOptions } from './object-registration.js';

/** What the mixin adds to every instance. Nothing is stored on the instance itself. */
export declare abstract class PublisherMembers {
  /**
   * Calls every listener of the event, now, in the order of subscription.
   *
   * @throws {InvalidEventName} Nobody was called.
   * @throws What a listener throws; later listeners were not called.
   */
  protected broadcast(event: string, ...args: unknown[]): this;
  /** The same function as {@link PublisherMembers.broadcast}. */
  protected publish(event: string, ...args: unknown[]): this;
  /** This publisher's events only. A listener that subscribes twice is called twice. */
  subscribe(listener: object, options?: SubscribeOptions): this;
  /** Calls the last argument, a function, for each of the events before it. */
  on(event: string, ...eventsAndBlock: [...events: string[], block: Block]): this;
  /** Everyone who may hear this publisher now: its own, the global and the temporary listeners. Frozen. */
  get listeners(): readonly object[];
}

/** An object that was made a publisher from outside, and is told from outside to broadcast. */
export interface OpenPublisher {
  broadcast(event: string, ...args: unknown[]): this;
  publish(event: string, ...args: unknown[]): this;
  subscribe(listener: object, options?: SubscribeOptions): this;
  on(event: string, ...eventsAndBlock: [...events: string[], block: Block]): this;
  readonly listeners: readonly object[];
}

export type AnyClass = abstract new (...args: never[]) => object;

/** The class given, its statics and constructor as they were, with publishing instances. */
export type PublisherClass<Base extends AnyClass, Returned> = Base & {
  // oxlint-disable-next-line typescript/no-explicit-any -- TypeScript takes a mixin by this signature only
  new (...args: any[]): PublisherMembers;
  /** Every instance of this class and its subclasses, existing and future. Any `scope` among the options is replaced. */
  subscribe(listener: object, options?: SubscribeOptions): Returned;
};

/** What the members do, given the publisher. */
export interface PublisherBehaviour {
  broadcast(publisher: object, event: unknown, args: readonly unknown[]): void;
  subscribe(publisher: object, given: readonly unknown[]): void;
  on(publisher: object, given: readonly unknown[]): void;
  listeners(publisher: object): readonly object[];
}

const ownMethods = new WeakSet<object>();

/** True for the mixin's own `broadcast` and `publish`: they are the publisher's alone, and no event calls them. */
export function isPublishersOwn(found: object): boolean {
  return ownMethods.has(found);
}

/** The members as properties that neither serialisation nor enumeration sees. */
export function publisherMembers(behaviour: PublisherBehaviour): PropertyDescriptorMap {
  function broadcast(this: object, event?: unknown, ...args: unknown[]): object {
    behaviour.broadcast(this, event, args);
    return this;
  }
  ownMethods.add(broadcast);
  return {
    broadcast: method(broadcast),
    publish: method(broadcast),
    subscribe: method(function subscribe(this: object, ...given: unknown[]): object {
      behaviour.subscribe(this, given);
      return this;
    }),
    on: method(function on(this: object, ...given: unknown[]): object {
      behaviour.on(this, given);
      return this;
    }),
    listeners: {
      configurable: true,
      get(this: object): readonly object[] {
        return behaviour.listeners(this);
      },
    },
  };
}

function method(value: (this: object, ...args: never[]) => object): PropertyDescriptor {
  return { value, writable: true, configurable: true };
}
