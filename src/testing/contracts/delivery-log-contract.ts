import { claiming } from './delivery-claiming.js';
import { competingDeliveries } from './delivery-competing.js';
import { completing } from './delivery-completing.js';
import { creating } from './delivery-creating.js';
import { deadLetters } from './delivery-dead-letters.js';
import { failing } from './delivery-failing.js';
import { handingOver } from './delivery-handing-over.js';
import { leases } from './delivery-leases.js';
import { keys } from './delivery-keys.js';
import { listening } from './delivery-listening.js';
import { orderChanges } from './delivery-order-changes.js';
import { ordering } from './delivery-ordering.js';
import { questions } from './delivery-questions.js';
import { registering } from './delivery-registering.js';
import { replaying } from './delivery-replaying.js';
import { replayingInOrder } from './delivery-replaying-in-order.js';
import { replays } from './delivery-replays.js';
import { deliveryTests, type DeliverySubject, type DeliveryTests } from './delivery-subject.js';
import { announceGaps } from './log-topic.js';
import { testFrame } from './test-frame.js';

export type { DeliverySubject } from './delivery-subject.js';

const topics: Readonly<Record<string, (tests: DeliveryTests) => void>> = {
  'registering handlers': registering,
  'making deliveries': creating,
  claiming,
  leases,
  'handing over to a scheduler': handingOver,
  completing,
  failing,
  'deliveries in the order of keys': ordering,
  keys,
  'changes of order': orderChanges,
  'dead letters': deadLetters,
  'a replay': replaying,
  'the list of replays': replays,
  'a replay of an ordered handler': replayingInOrder,
  questions,
  listening,
  'workers side by side': competingDeliveries,
};

/**
 * Proves that a log keeps what the port `DeliveryLog` promises. Call it at the top of a test file, beside
 * `eventLogContract`. It sets no clock: leases and delays are of a millisecond where their end is waited for.
 */
export function deliveryLogContract(subject: DeliverySubject): void {
  const { describe } = testFrame();
  announceGaps(subject);
  describe(`${subject.name} keeps the contract of a delivery log:`, () => {
    for (const [topic, define] of Object.entries(topics))
      describe(topic, () => define(deliveryTests(subject)));
  });
}
