import { InvalidArgument } from '../errors/argument-errors.js';
import { isEventClass, type EventClass } from '../events/define-event.js';
import { Event } from '../events/event.js';
import { EventStore } from '../store/event-store.js';
import { Reader } from '../store/reader.js';
import { judgeParity, type DiffingMatcher, type ParityExpectation } from './parity-matcher.js';
import { differences, explainMissing, type Comparison } from './published-report.js';

/** What an event has to look like. `data` and `metadata` may be parts of the whole unless `strict`. */
export interface EventExpectation {
  readonly data?: unknown;
  readonly metadata?: unknown;
  readonly stream?: string;
}

export interface PublishedExpectation extends EventExpectation {
  /** How many events have to match; at least one unless given. */
  readonly times?: number;
  /** `data` and `metadata` must equal the whole, and nothing but matching events may have been published. */
  readonly strict?: boolean;
}

/** Where to look: captured events, a reader, or everything in a store. */
export type Published = readonly Event[] | Reader | EventStore;

interface MatcherContext {
  readonly isNot?: boolean;
  equals(a: unknown, b: unknown, testers?: unknown[]): boolean;
  readonly utils: {
    readonly subsetEquality: unknown;
    readonly iterableEquality: unknown;
    stringify(value: unknown): string;
  };
}

interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

/** Jest matchers. Importing `handover/testing` under Jest installs them; elsewhere call `expect.extend(matchers)`. */
export const matchers = {
  toBeAtParity(this: DiffingMatcher, received: unknown, expectation?: ParityExpectation) {
    return judgeParity(this, received, expectation);
  },

  toHavePublished(
    this: MatcherContext,
    received: unknown,
    eventClass: EventClass,
    expectation: PublishedExpectation = {},
  ): MatcherResult | Promise<MatcherResult> {
    checkEventClass(eventClass);
    checkTimes(expectation.times);
    return overEvents(received, (events) => judge(this, events, eventClass, expectation));
  },

  toHavePublishedNothing(this: MatcherContext, received: unknown): MatcherResult | Promise<MatcherResult> {
    return overEvents(received, (events) => ({
      pass: events.length === 0,
      message: () =>
        events.length === 0
          ? 'Expected something to be published, but nothing was.'
          : `Expected nothing to be published.\n\n  published meanwhile (${events.length}):\n${events.map((each) => `    ${each.type} ${this.utils.stringify(each.data)}`).join('\n')}`,
    }));
  },

  toBeEvent(
    this: MatcherContext,
    received: unknown,
    eventClass: EventClass,
    expectation: EventExpectation & { readonly strict?: boolean } = {},
  ): MatcherResult {
    checkEventClass(eventClass);
    const comparison = comparing(this, eventClass, expectation);
    const found = received instanceof Event ? differences(received, comparison) : ['it is no event'];
    return {
      pass: found.length === 0,
      message: () =>
        found.length === 0
          ? `Expected no ${eventClass.type} like this one.`
          : `Expected ${eventClass.type}, but ${found.join(', ')}.`,
    };
  },
};

function judge(
  context: MatcherContext,
  events: readonly Event[],
  eventClass: EventClass,
  expectation: PublishedExpectation,
): MatcherResult {
  const comparison = comparing(context, eventClass, expectation);
  const matching = events.filter((event) => differences(event, comparison).length === 0);
  const enough =
    expectation.times === undefined ? matching.length > 0 : matching.length === expectation.times;
  const others = expectation.strict === true ? events.length - matching.length : 0;
  return {
    pass: enough && others === 0,
    message: () =>
      explainMissing({
        comparison,
        events,
        matching,
        times: expectation.times,
        isNot: context.isNot === true,
      }),
  };
}

function comparing(
  context: MatcherContext,
  eventClass: EventClass,
  { data, metadata, stream, strict }: PublishedExpectation,
): Comparison {
  const { iterableEquality, subsetEquality } = context.utils;
  const testers = strict === true ? [iterableEquality] : [iterableEquality, subsetEquality];
  return {
    type: eventClass.type,
    wanted: { data, metadata, stream },
    alike: (actual, wanted) => context.equals(actual, wanted, testers),
    print: (value) => context.utils.stringify(value),
  };
}

function overEvents(
  received: unknown,
  decide: (events: readonly Event[]) => MatcherResult,
): MatcherResult | Promise<MatcherResult> {
  if (Array.isArray(received)) return decide(received);
  if (received instanceof Reader) return received.toArray().then(decide);
  if (received instanceof EventStore) return readAll(received).then(decide);
  throw new InvalidArgument('received', 'captured events, a reader or an EventStore', received);
}

async function readAll(store: EventStore): Promise<readonly Event[]> {
  await store.settled();
  return store.read.toArray();
}

function checkEventClass(value: unknown): void {
  if (!isEventClass(value)) throw new InvalidArgument('event', 'an event class', value);
}

function checkTimes(times: unknown): void {
  if (times === undefined || (typeof times === 'number' && Number.isInteger(times) && times >= 0)) return;
  throw new InvalidArgument('times', 'a whole number from 0', times);
}
