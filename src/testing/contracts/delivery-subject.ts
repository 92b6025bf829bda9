import type { LogSubject } from './log-subject.js';
import { logTests, type LogTest, type LogTests } from './log-topic.js';
import { testFrame } from './test-frame.js';

/** A log, or rather a way to make one, whose `deliveries` `deliveryLogContract` examines. */
export interface DeliverySubject extends LogSubject {
  readonly cannot?: NonNullable<LogSubject['cannot']> & {
    /** `listen` never calls. */
    readonly listening?: string;
  };
}

export interface DeliveryTests extends LogTests {
  readonly listeningTest: LogTest;
}

export function deliveryTests(subject: DeliverySubject): DeliveryTests {
  const tests = logTests(subject);
  const gap = subject.cannot?.listening;
  const { it } = testFrame();
  const notRun: LogTest = (title) => it.skip(`${title} (not run: ${gap})`, () => {});
  return { ...tests, listeningTest: gap === undefined ? tests.test : notRun };
}
