import type { DeliveryFate, HandlerRegistration } from './delivery-log.js';
import type { Phase } from './subscription.js';
import { describeWhy } from './why-text.js';

/** The event that was asked about, as it is stored. */
export interface WhyEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: Date;
  readonly position: bigint | undefined;
}

/** What one handler has to do with an event. */
export type WhyHandler =
  | {
      readonly handler: string;
      readonly state: DeliveryFate['state'];
      readonly fate: DeliveryFate;
      /** False: no handler of this name is subscribed in this process. */
      readonly isHere: boolean;
    }
  | {
      readonly handler: string;
      /**
       * - `unsequenced`: the event has no place in the global order yet; its deliveries come with it.
       * - `not subscribed then`: the handler was registered later.
       * - `type not handled`: it is for other types.
       */
      readonly state: 'unsequenced' | 'not subscribed then' | 'type not handled';
      readonly isHere: boolean;
    }
  | {
      readonly handler: string;
      /** Runs where the event is published; nobody keeps what became of it. */
      readonly state: 'in process';
      readonly run: Phase;
    };

/** What became of an event, for every handler. `String(why)` says it in words. */
export interface Why {
  readonly eventId: string;
  /** `undefined`: not stored. */
  readonly event: WhyEvent | undefined;
  readonly streams: readonly string[];
  /** Queued handlers by name, then those of this process in the order of calling. */
  readonly handlers: readonly WhyHandler[];
  readonly text: string;
  toString(): string;
}

export interface WhyFacts extends Pick<Why, 'eventId' | 'event' | 'streams'> {
  readonly fates: readonly DeliveryFate[];
  readonly registrations: readonly HandlerRegistration[];
  /** Those subscribed in this process. */
  readonly here: readonly { readonly name: string; readonly run: Phase }[];
}

export function whyFrom(facts: WhyFacts): Why {
  const { eventId, event, streams } = facts;
  const handlers = event === undefined ? [] : [...queued(event, facts), ...inProcess(facts)];
  const ordered = new Set(facts.registrations.filter((each) => each.ordered).map(({ name }) => name));
  const text = describeWhy({ eventId, event, streams, handlers }, ordered);
  return { eventId, event, streams, handlers, text, toString: () => text };
}

function queued(event: WhyEvent, { fates, registrations, here }: WhyFacts): readonly WhyHandler[] {
  const names = new Set(
    [...registrations, ...fates.map((fate) => ({ name: fate.handler }))].map(({ name }) => name),
  );
  return [...names].toSorted().map((name) => {
    const fate = fates.find((each) => each.handler === name);
    const isHere = here.some((each) => each.run === 'queued' && each.name === name);
    if (fate !== undefined) return { handler: name, state: fate.state, fate, isHere };
    const types = registrations.find((each) => each.name === name)?.types;
    return { handler: name, state: withoutDelivery(event, types), isHere };
  });
}

function withoutDelivery(event: WhyEvent, types: readonly string[] | undefined) {
  if (types !== undefined && !types.includes(event.type)) return 'type not handled';
  return event.position === undefined ? 'unsequenced' : 'not subscribed then';
}

function inProcess({ here }: WhyFacts): readonly WhyHandler[] {
  return here
    .filter(({ run }) => run !== 'queued')
    .map(({ name, run }) => ({ handler: name, state: 'in process', run }));
}
