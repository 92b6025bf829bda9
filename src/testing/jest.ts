import type { EventClass } from '../events/define-event.js';
import type { EventExpectation, PublishedExpectation } from './matchers.js';
import type { ParityExpectation } from './parity-matcher.js';
import './install-matchers.js';

/** Captured events are at hand; a reader and a store have to be asked, so that expectation is awaited. */
type Answer<R, T> = T extends readonly unknown[] ? R : Promise<void>;

interface HandoverMatchers<R, T> {
  /** Captured events, a reader or a store hold an event like this. Await it for a reader or a store. */
  toHavePublished(eventClass: EventClass, expectation?: PublishedExpectation): Answer<R, T>;
  toHavePublishedNothing(): Answer<R, T>;
  /** Everything that the pair has compared was a match. To be awaited. */
  toBeAtParity(expectation?: ParityExpectation): Promise<void>;
  toBeEvent(eventClass: EventClass, expectation?: EventExpectation & { readonly strict?: boolean }): R;
}

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T> extends HandoverMatchers<R, T> {}
}
