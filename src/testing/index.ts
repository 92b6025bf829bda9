import './install-matchers.js';

export { captureEvents } from './capture-events.js';
export { eventLogContract } from './contracts/event-log-contract.js';
export type { LogSubject } from './contracts/event-log-contract.js';
export { deliveryLogContract } from './contracts/delivery-log-contract.js';
export type { DeliverySubject } from './contracts/delivery-log-contract.js';
export { matchers } from './matchers.js';
export type { EventExpectation, Published, PublishedExpectation } from './matchers.js';
export type { ParityExpectation } from './parity-matcher.js';
export { memoryLog } from '../log/memory/memory-log.js';
