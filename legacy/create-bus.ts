import { registerBlock } from './block-registration.js';
import { sendBroadcaster } from './broadcaster.js';
import type { Bus, PublisherMixin } from './bus.js';
import { createConfiguration } from './configuration.js';
import { createConnections } from './connections.js';
import { createDispatcher } from './dispatcher.js';
import { InvalidArgument } from '../src/index.js';
import { createFailures } from './failures.js';
import { registerObject, type SubscribeOptions } from './object-registration.js';
import { Pairs } from './pairs/pairs.js';
import { Phantoms } from './phantoms.js';
import { type AnyClass, publisherMembers } from './publisher.js';
import { readSingleSubscription, readSubscription } from './subscribe-arguments.js';
import { Unattended } from './unattended.js';

/** A bus of its own, in memory: its publishers, listeners and configuration are no other bus's. */
export function createBus(): Bus {
  const configuration = createConfiguration();
  const failures = createFailures();
  const phantoms = new Phantoms();
  const unattended = new Unattended(failures);
  const pairs = new Pairs((error) => failures.report(error));
  const dispatcher = createDispatcher(() => pairs.revision);
  const register = (listener: object, options: SubscribeOptions) =>
    registerObject(listener, options, { configuration, failures, pairs, phantoms, unattended });

  const members = publisherMembers({
    broadcast: (publisher, event, args) => dispatcher.broadcast(publisher, event, args),
    listeners: (publisher) => dispatcher.listenersOf(publisher),
    subscribe(publisher, given) {
      const { listeners, options } = readSingleSubscription(given);
      for (const each of listeners) dispatcher.localOf(publisher).add(register(each, options));
    },
    on(publisher, given) {
      dispatcher.localOf(publisher).add(registerBlock(given, { failures, phantoms }));
    },
  });

  function subscribe(...given: unknown[]): unknown {
    const { listeners, options, block } = readSubscription(given);
    const registrations = listeners.map((each) => register(each, options));
    if (block !== undefined) return whenDone(dispatcher.temporary.during(registrations, block), bus);
    for (const each of registrations) dispatcher.global.add(each);
    return bus;
  }

  function subscribeToClass(this: AnyClass, ...given: unknown[]): Bus {
    const { listeners, options } = readSingleSubscription(given);
    for (const each of listeners) dispatcher.global.add(register(each, { ...options, scope: this }));
    return bus;
  }

  const bus: Bus = {
    configuration,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the mixin adds is only known at run time
    Publisher: publisherMixin(members, subscribeToClass) as PublisherMixin,
    publisher: (object) => extend(object, members),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one function serves all the signatures
    subscribe: subscribe as Bus['subscribe'],
    unsubscribe(...listeners) {
      dispatcher.global.removeListeners(listeners);
      return bus;
    },
    clear() {
      dispatcher.global.clear();
      return bus.listeners;
    },
    get listeners() {
      return Object.freeze(dispatcher.global.registrations.map((each) => each.listener));
    },
    onError: (handler) => failures.onError(handler),
    ...createConnections(dispatcher, failures, { pairs, phantoms, unattended }),
    pair: (name, options) => pairs.declare(name, options),
    get phantoms() {
      return phantoms.counts;
    },
    get pairs() {
      return pairs.all;
    },
    configure(change) {
      change(configuration);
      return configuration;
    },
    setup() {
      configuration.broadcaster('default', sendBroadcaster);
    },
  };
  bus.setup();
  return bus;
}

/** The class in between is named `Publisher`, so that `scope: 'Publisher'` means every publisher. */
function publisherMixin(members: PropertyDescriptorMap, subscribe: (...given: unknown[]) => Bus) {
  // oxlint-disable-next-line typescript/no-extraneous-class -- a class of its own, so that no statics come along
  return (Base: AnyClass = class {}): AnyClass => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- also abstract classes can be extended
    const Parent = Base as new (...args: unknown[]) => object;
    class Publisher extends Parent {}
    Object.defineProperties(Publisher.prototype, members);
    Object.defineProperty(Publisher, 'subscribe', { value: subscribe, writable: true, configurable: true });
    return Publisher;
  };
}

function extend<T extends object>(object: T, members: PropertyDescriptorMap) {
  if (!Object.isExtensible(object)) {
    throw new InvalidArgument(
      'object',
      'an object that takes new members',
      object,
      'Extend it before it is frozen.',
    );
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is added is only known at run time
  return Object.defineProperties(object, members) as T & ReturnType<Bus['publisher']>;
}

function whenDone<T>(work: unknown, answer: T): T | Promise<T> {
  return work instanceof Promise ? work.then(() => answer) : answer;
}
