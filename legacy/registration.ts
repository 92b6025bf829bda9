/** Hands one event to one listener. Throws what the listener throws. */
export type Delivery = (publisher: object | undefined, args: readonly unknown[]) => void;

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

export function createRegistrationList(): RegistrationList {
  let registrations: readonly Registration[] = [];
  let plans = new Map<string, readonly Delivery[]>();

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
    deliveriesOf: (eventName) => plans.get(eventName) ?? plan(eventName),
  };
}
