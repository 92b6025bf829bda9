import {
  comparableIn,
  EffectForbidden,
  effectScope,
  outsideScopes,
  type EffectScope,
  type Event,
} from '../src/index.js';
import { toEventName } from './event-name.js';
import type { Broadcast, Recorded, Recorder } from './recorder.js';
import {
  createRegistrationList,
  type Delivery,
  type RegistrationList,
  type RegistrationSettings,
} from './registration.js';
import { createTemporaryListeners, type TemporaryListeners } from './temporary-listeners.js';

/** Who hears what. Local registrations are kept beside the publishers, which stay as they are. */
export interface Dispatcher {
  readonly global: RegistrationList;
  readonly temporary: TemporaryListeners;
  /** Makes the publisher's own list on first use. */
  localOf(publisher: object): RegistrationList;
  /** Everyone whom a broadcast of this publisher could reach now: local, global, temporary. */
  listenersOf(publisher: object): readonly object[];
  /**
   * Calls local, then global, then temporary listeners as they are subscribed now. What one throws reaches the
   * caller, and the later ones are not called. Those after the commit hear it in any case, in the same order, once
   * it is committed; where there is nothing to wait for, behind the others.
   */
  broadcast(publisher: object, name: unknown, args: readonly unknown[]): void;
  /** Lets global and temporary listeners without a scope hear an event that no legacy publisher broadcast. */
  deliver(eventName: string, args: readonly unknown[], event?: Event): void;
  /** From now on the recorder is told of each broadcast; `undefined` ends that. */
  recordWith(recorder: Recorder | undefined): void;
}

const namesKept = 1000;
const unrecorded: Recorded = { event: undefined, waits: false };
const nobody: readonly Delivery[] = [];

/** @param revision A number that rises when registrations would deliver in another way. */
export function createDispatcher(revision: () => number = () => 0): Dispatcher {
  /** Nobody asks for the listeners after the commit before there was one. */
  let anyForLater = false;
  const settings: RegistrationSettings = {
    revision,
    added: ({ deliver }) => (anyForLater ||= deliver === 'after-commit'),
  };
  const global = createRegistrationList(settings);
  const temporary = createTemporaryListeners(settings);
  const locals = new WeakMap<object, RegistrationList>();
  const eventNames = new Map<unknown, string>();
  let recorder: Recorder | undefined;

  function check(name: unknown): string {
    const eventName = toEventName(name);
    if (eventNames.size >= namesKept) eventNames.clear();
    eventNames.set(name, eventName);
    return eventName;
  }

  function localOf(publisher: object): RegistrationList {
    const existing = locals.get(publisher);
    if (existing !== undefined) return existing;
    const list = createRegistrationList(settings);
    locals.set(publisher, list);
    return list;
  }

  /** A broadcast is an effect of the listener or handler that makes it; what its listeners do is not. */
  function broadcastInScope(scope: EffectScope, { publisher, eventName, args }: Broadcast): void {
    if (scope.mode === 'forbidden') throw new EffectForbidden(`broadcast("${eventName}")`);
    scope.note({ kind: 'broadcast', name: eventName, args: comparableIn(scope, args) });
    if (scope.mode === 'performed') outsideScopes(() => dispatcher.broadcast(publisher, eventName, args));
  }

  function tellInline({ publisher, eventName, args }: Broadcast, event: Event | undefined): void {
    const first = locals.get(publisher)?.deliveriesOf(eventName) ?? nobody;
    const second = global.deliveriesOf(eventName);
    const third = temporary.deliveriesOf(eventName);
    for (const deliver of first) deliver(publisher, args, event);
    for (const deliver of second) deliver(publisher, args, event);
    for (const deliver of third) deliver(publisher, args, event);
  }

  function laterOf(eventName: string, publisher?: object): readonly Delivery[] {
    const own = publisher === undefined ? undefined : locals.get(publisher);
    return [own, global, temporary].flatMap((each) => each?.afterCommitOf(eventName) ?? nobody);
  }

  function broadcastForLater(broadcast: Broadcast, later: readonly Delivery[]): void {
    const { publisher, args } = broadcast;
    const tellLater = (event: Event | undefined) => {
      for (const deliver of later) deliver(publisher, args, event);
    };
    const { event, waits } = recorder?.recordFor(broadcast, tellLater) ?? unrecorded;
    try {
      tellInline(broadcast, event);
    } finally {
      if (!waits) tellLater(event);
    }
  }

  const dispatcher: Dispatcher = {
    global,
    temporary,
    localOf,
    listenersOf(publisher) {
      const lists = [locals.get(publisher), global, ...temporary.current()];
      return Object.freeze(
        lists.flatMap((list) => list?.registrations ?? []).map((registration) => registration.listener),
      );
    },
    broadcast(publisher, name, args) {
      const eventName = eventNames.get(name) ?? check(name);
      const scope = effectScope();
      if (scope !== undefined) return broadcastInScope(scope, { publisher, eventName, args });
      const broadcast = { publisher, eventName, args };
      const later = anyForLater ? laterOf(eventName, publisher) : nobody;
      if (later.length > 0) return broadcastForLater(broadcast, later);
      tellInline(broadcast, recorder?.record(broadcast));
    },
    deliver(eventName, args, event) {
      const first = global.deliveriesOf(eventName);
      const second = temporary.deliveriesOf(eventName);
      const later = anyForLater ? laterOf(eventName) : nobody;
      try {
        for (const each of first) each(undefined, args, event);
        for (const each of second) each(undefined, args, event);
      } finally {
        for (const each of later) each(undefined, args, event);
      }
    },
    recordWith(next) {
      recorder = next;
    },
  };
  return dispatcher;
}
