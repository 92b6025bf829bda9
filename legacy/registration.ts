import type { Event } from '../src/index.js';

/** Hands one event to one listener. Throws what the listener throws, gives what it returns. @param event What is recorded of it. */
export type Delivery = (
  publisher: object | undefined,
  args: readonly unknown[],
  event: Event | undefined,
) => unknown;

/** One subscription. */
export interface Registration {
  /** The object, class or function that was subscribed. */
  readonly listener: object;
  /** `undefined` when the registration does not hear the event, whoever broadcasts it. */
  deliveryOf(eventName: string): Delivery | undefined;
}

export interface RegistrationList {
  readonly registrations: readonly Registration[];
  add(registration: Registration): void;
  removeListeners(listeners: readonly object[]): void;
  clear(): void;
  /** What to run for one event, in the order of subscription. A later change does not touch an array given out. */
  deliveriesOf(eventName: string): readonly Delivery[];
}

const plansKept = 1000;

/** @param revision A number that rises when registrations would deliver in another way. */
export function createRegistrationList(revision: () => number): RegistrationList {
  let registrations: readonly Registration[] = [];
  let plans = new Map<string, readonly Delivery[]>();
  let planned = revision();

  function become(next: readonly Registration[]): void {
    registrations = next;
    plans = new Map();
  }

  function plan(eventName: string): readonly Delivery[] {
    const deliveries = registrations
      .map((each) => each.deliveryOf(eventName))
      .filter((each) => each !== undefined);
    if (plans.size >= plansKept) plans.clear();
    plans.set(eventName, deliveries);
    return deliveries;
  }

  return {
    get registrations() {
      return registrations;
    },
    add: (registration) => become([...registrations, registration]),
    removeListeners: (listeners) =>
      become(registrations.filter((each) => !listeners.includes(each.listener))),
    clear: () => become([]),
    deliveriesOf(eventName) {
      if (planned !== revision()) {
        planned = revision();
        plans = new Map();
      }
      return plans.get(eventName) ?? plan(eventName);
    },
  };
}
