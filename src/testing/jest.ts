export type { Matchers } from 'expect';
import type { EventClass } from '../events/define-event.js';
import type { EventExpectation, PublishedExpectation } from './matchers.js';
import './install-matchers.js';

interface HandoverMatchers<R> {
  /** Captured events, a reader or a store hold an event like this. Await it for a reader or a store. */
  toHavePublished(eventClass: EventClass, expectation?: PublishedExpectation): R;
  toHavePublishedNothing(): R;
  toBeEvent(eventClass: EventClass, expectation?: EventExpectation & { readonly strict?: boolean }): R;
}

declare module 'expect' {
  interface Matchers<R> extends HandoverMatchers<R> {}
}
