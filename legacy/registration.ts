import type { Event } from '../src/index.js';
import type { Moment } from './moment.js';

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
  /** Inline unless it says otherwise. */
  readonly deliver?: Moment;
  /** `undefined` when the registration does not hear the event, whoever broadcasts it. */
  deliveryOf(eventName: string): Delivery | undefined;
}

export interface RegistrationList {
  readonly registrations: readonly Registration[];
  add(registration: Registration): void;
  removeListeners(listeners: readonly object[]): void;
  clear(): void;
  /** What to run inline for one event, in the order of subscription. A later change does not touch an array given out. */
  deliveriesOf(eventName: string): readonly Delivery[];
  /** The same of those that wait for the commit. */
  afterCommitOf(eventName: string): readonly Delivery[];
}

export interface RegistrationSettings {
  /** A number that rises when registrations would deliver in another way. */
  readonly revision: () => number;
  readonly added: (registration: Registration) => void;
}

const plansKept = 1000;

export function createRegistrationList({ revision, added }: RegistrationSettings): RegistrationList {
  let registrations: readonly Registration[] = [];
  let plans = new Map<string, readonly Delivery[]>();
  let laterPlans = new Map<string, readonly Delivery[]>();
  let planned = revision();

  function become(next: readonly Registration[]): void {
    registrations = next;
    forget();
  }

  function forget(): void {
    plans = new Map();
    laterPlans = new Map();
  }

  function renew(): void {
    if (planned === revision()) return;
    planned = revision();
    forget();
  }

  function plan(eventName: string, moment: Moment): readonly Delivery[] {
    const kept = moment === 'inline' ? plans : laterPlans;
    const deliveries = registrations
      .filter(({ deliver = 'inline' }) => deliver === moment)
      .map((each) => each.deliveryOf(eventName))
      .filter((each) => each !== undefined);
    if (kept.size >= plansKept) kept.clear();
    kept.set(eventName, deliveries);
    return deliveries;
  }

  return {
    get registrations() {
      return registrations;
    },
    add(registration) {
      become([...registrations, registration]);
      added(registration);
    },
    removeListeners: (listeners) =>
      become(registrations.filter((each) => !listeners.includes(each.listener))),
    clear: () => become([]),
    deliveriesOf(eventName) {
      renew();
      return plans.get(eventName) ?? plan(eventName, 'inline');
    },
    afterCommitOf(eventName) {
      renew();
      return laterPlans.get(eventName) ?? plan(eventName, 'after-commit');
    },
  };
}
