import type { EventStore } from '../src/index.js';
import type { ConnectOptions } from './connection.js';
import type { Configuration } from './configuration.js';
import type { ErrorHandler } from './failures.js';
import type { SubscribeOptions } from './object-registration.js';
import type { Pair } from './pairs/pair.js';
import type { PairOptions } from './pairs/pair-options.js';
import type { Phantom } from './phantoms.js';
import type { AnyClass, OpenPublisher, PublisherClass } from './publisher.js';

/** Makes a class, or no class at all, into one whose instances broadcast. */
export interface PublisherMixin {
  (): PublisherClass<new () => object, Bus>;
  <Base extends AnyClass>(base: Base): PublisherClass<Base, Bus>;
}

/** Global subscription, or, with a function at the end, a temporary one. */
export interface Subscribe {
  /** Until the block has ended, and only for what it runs and awaits. Resolves to the bus. */
  (
    ...args: [...listeners: object[], options: SubscribeOptions, block: () => PromiseLike<unknown>]
  ): Promise<Bus>;
  (listener: object, block: () => PromiseLike<unknown>): Promise<Bus>;
  /** Until the block has returned or thrown. */
  (...args: [...listeners: object[], options: SubscribeOptions, block: () => unknown]): Bus;
  /** From now on, every publisher of this bus, also those that exist already. */
  (listener: object, options?: SubscribeOptions): Bus;
  (...listenersAndOptions: object[]): Bus;
}

/** A Wisper-compatible bus. Every member may be taken out of it and called alone. */
export interface Bus {
  readonly Publisher: PublisherMixin;
  /**
   * Lets one single object publish.
   *
   * @returns The object itself, with members that no enumeration sees.
   * @throws {InvalidArgument} The object is frozen, sealed or not extensible.
   */
  readonly publisher: <T extends object>(object: T) => T & OpenPublisher;
  /** @throws {InvalidArgument} A listener or an option is none; nobody was subscribed. */
  readonly subscribe: Subscribe;
  /** Removes every global subscription of the listeners, whatever its options; unknown ones are ignored. */
  readonly unsubscribe: (...listeners: object[]) => Bus;
  /** Removes all global subscriptions, class-level ones too; local and temporary ones stay. Gives back the empty list. */
  readonly clear: () => readonly object[];
  /** The global listeners in the order of their subscription. Frozen. */
  readonly listeners: readonly object[];
  readonly configuration: Configuration;
  readonly configure: (change: (configuration: Configuration) => void) => Configuration;
  /** Puts the broadcaster `default` back to the direct call; a new bus has done so. */
  readonly setup: () => void;
  /**
   * Hears what cannot be thrown at a publisher, such as {@link ListenerFailed} of a listener that is async or runs after the commit. Without any
   * handler such an error becomes a process warning.
   *
   * @returns Takes the handler away again.
   */
  readonly onError: (handler: ErrorHandler) => () => void;
  /**
   * From here on every broadcast is recorded: in the open transaction of its publisher or around the call, else in
   * the background. Listeners are called as before.
   *
   * @returns Ends the connection; what was broadcast before is still recorded.
   * @throws {InvalidArgument} An option is none, or the bus is connected already.
   */
  readonly connect: (store: EventStore, options?: ConnectOptions) => () => void;
  /**
   * Declares that a handler shall replace one method of a listener, and compares both until the evidence lets it.
   *
   * @throws {InvalidArgument} An option is none; or the name, or the listener's method, is in another pair.
   */
  readonly pair: (name: string, options: PairOptions) => Pair;
  /** The pairs of this bus, as declared. */
  readonly pairs: readonly Pair[];
  /**
   * How often each listener and block has run inline for recorded broadcasts whose transaction or savepoint then
   * rolled back, in this process: the reason to subscribe it with `deliver: 'after-commit'`.
   */
  readonly phantoms: readonly Phantom[];
  /** Resolves when everything broadcast so far is recorded, and its handlers and listeners after the commit have run. */
  readonly settled: () => Promise<void>;
  /**
   * Records without telling listeners, for emitters that have listeners of their own. Never throws: what cannot be
   * recorded goes to {@link Bus.onError}.
   */
  readonly record: (publisher: object, eventName: string, args: readonly unknown[]) => void;
}
