import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  ClaimedDelivery,
  ClaimRequest,
  DeliveryError,
  DeliveryFate,
  DeliveryLog,
  HandlerRegistration,
} from '../../delivery/delivery-log.js';
import type { EventLog, NewRecord } from '../../log/event-log.js';
import { store } from './log-actions.js';

/** Milliseconds: a lease or delay that no test outlives. */
export const long = 600_000;

/** Milliseconds until a test gives up waiting for something. */
const patience = 20_000;

export function deliveriesOf(log: EventLog): DeliveryLog {
  assert.ok(log.deliveries, `${log.name} keeps no deliveries`);
  return log.deliveries;
}

/** A handler of all types, from now on, with three attempts. */
export function handlerOf(name: string, overrides: Partial<HandlerRegistration> = {}): HandlerRegistration {
  return { name, types: undefined, from: 'now', attempts: 3, ordered: false, ...overrides };
}

export function register(
  log: EventLog,
  ...handlers: readonly (HandlerRegistration | string)[]
): Promise<void> {
  return deliveriesOf(log).register(
    handlers.map((each) => (typeof each === 'string' ? handlerOf(each) : each)),
  );
}

/** Until nothing is left. */
export async function sequenceAll(log: EventLog): Promise<void> {
  await eventually(
    'nothing is left to sequence',
    async () => (await deliveriesOf(log).sequence()) === 0 || undefined,
  );
}

/** Appends and sequences. */
export async function publish(
  log: EventLog,
  stream: string | undefined,
  ...records: readonly NewRecord[]
): Promise<void> {
  await store(log, stream, ...records);
  await sequenceAll(log);
}

/** Until `handler` has its deliveries of these events, which may be old ones that are made in steps. */
export async function backfilled(log: EventLog, handler: string, eventIds: readonly string[]): Promise<void> {
  await eventually(`${handler} gets what it starts with`, async () => {
    await sequenceAll(log);
    const fates = await Promise.all(eventIds.map((each) => deliveriesOf(log).fatesOf(each)));
    return fates.every((each) => each.some((fate) => fate.handler === handler)) || undefined;
  });
}

type ClaimOptions = Partial<Pick<ClaimRequest, 'limit' | 'worker' | 'leaseFor' | 'sequencing'>>;

export function claim(
  log: EventLog,
  handlers: string | readonly string[],
  options: ClaimOptions = {},
): Promise<readonly ClaimedDelivery[]> {
  const names = typeof handlers === 'string' ? [handlers] : handlers;
  const each = names.map((name) => ({ name, limit: 1_000 }));
  return deliveriesOf(log).claim({ handlers: each, limit: 1_000, worker: 'w1', leaseFor: long, ...options });
}

/** The only delivery there is to claim. */
export async function claimOne(
  log: EventLog,
  handler: string,
  options: ClaimOptions = {},
): Promise<ClaimedDelivery> {
  const claimed = await claim(log, handler, options);
  assert.equal(claimed.length, 1, `one delivery for ${handler}`);
  return claimed[0] ?? assert.fail();
}

/** Tries again until there is something to claim. */
export function claimOnceDue(
  log: EventLog,
  handler: string,
  options: ClaimOptions = {},
): Promise<ClaimedDelivery> {
  return eventually(
    `a delivery falls due for ${handler}`,
    async () => (await claim(log, handler, options))[0],
  );
}

/** Waits for what comes by itself, such as the end of a lease. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + patience;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await nextTurn();
  }
  return assert.fail(`${patience} ms have passed, and it is not true that ${what}`);
}

/** What `names` are called, as `handler eventId`, with nothing twice. */
export function pairsOf(deliveries: Iterable<Pick<ClaimedDelivery, 'handler' | 'event'>>): readonly string[] {
  return Array.from(deliveries, ({ handler, event }) => `${handler} ${event.id}`);
}

export function tokensOf(deliveries: readonly ClaimedDelivery[]): readonly string[] {
  return deliveries.map(({ token }) => token);
}

export function eventIdsOf(deliveries: readonly ClaimedDelivery[]): readonly string[] {
  return deliveries.map(({ event }) => event.id);
}

/** One that nobody was ever given. */
export function foreignToken(): string {
  return randomUUID();
}

export function errorOf(message: string, overrides: Partial<DeliveryError> = {}): DeliveryError {
  return { name: 'Error', message, stack: `Error: ${message}\n    at somewhere`, ...overrides };
}

/** What became of the only delivery of the event to `handler`. */
export async function fateOf(log: EventLog, eventId: string, handler: string): Promise<DeliveryFate> {
  const fates = (await deliveriesOf(log).fatesOf(eventId)).filter((each) => each.handler === handler);
  assert.equal(fates.length, 1, `one delivery of ${eventId} for ${handler}`);
  return fates[0] ?? assert.fail();
}

export async function statesOf(log: EventLog, eventId: string): Promise<Record<string, string>> {
  const fates = await deliveriesOf(log).fatesOf(eventId);
  return Object.fromEntries(fates.map(({ handler, state }) => [handler, state]));
}

/** Claims and gives up whatever `handler` has due. */
export async function bury(log: EventLog, handler: string, message = 'hopeless'): Promise<void> {
  for (const { token } of await claim(log, handler))
    await deliveriesOf(log).fail([{ token, error: errorOf(message), next: { kind: 'dead' } }]);
}

/** `later` is not earlier, but for the rounding of a clock finer than a millisecond. */
export function assertNotBefore(later: Date | undefined, earlier: number): void {
  assert.ok(
    later !== undefined && later.getTime() >= earlier - 1,
    `${later?.toISOString()} is not too early`,
  );
}
