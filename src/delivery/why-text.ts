import type { DeliveryFate, DeliveryState } from './delivery-log.js';
import type { Why, WhyHandler } from './why.js';

/** @param ordered Names of ordered handlers. */
export function describeWhy(
  { eventId, event, streams, handlers }: Omit<Why, 'text' | 'toString'>,
  ordered: ReadonlySet<string>,
): string {
  if (event === undefined) return `Event ${eventId} is not stored.`;
  const place = streams.length === 0 ? 'in no stream' : `in ${streams.join(', ')}`;
  const position = event.position === undefined ? 'not sequenced yet' : `position ${event.position}`;
  const head = `${event.type} ${eventId}, recorded ${timeOf(event.timestamp)}, ${place}, ${position}`;
  if (handlers.length === 0) return `${head}\n  No handler listens to it.`;
  const width = Math.max(...handlers.map(({ handler }) => handler.length));
  return [
    head,
    ...handlers.map(
      (each) => `  ${each.handler.padEnd(width)}  ${describe(each, ordered.has(each.handler))}`,
    ),
  ].join('\n');
}

function describe(handler: WhyHandler, isOrdered: boolean): string {
  if (handler.state === 'in process') {
    const when = handler.run === 'in-transaction' ? 'inside the transaction' : 'after the commit';
    return `runs in the publishing process, ${when}; its fate is not kept`;
  }
  const orphaned = handler.isHere ? '' : ' (not subscribed in this process)';
  return `${'fate' in handler ? describeFate(handler.fate, isOrdered) : withoutDelivery[handler.state]}${orphaned}`;
}

function describeFate(fate: DeliveryFate, isOrdered: boolean): string {
  const sentence = sentences[fate.state](fate);
  if (!isOrdered) return sentence;
  if (fate.key === undefined && fate.state === 'pending')
    return `waits for a worker to tell its key${failureOf(fate)}`;
  const stops = fate.state === 'dead' || (fate.state === 'pending' && fate.lastError !== undefined);
  const isFirst = fate.key !== undefined && fate.waitsFor === undefined;
  return stops && isFirst ? `${sentence}; later events of its key wait: ${fate.key}` : sentence;
}

const withoutDelivery = {
  unsequenced: 'waits until the event is sequenced',
  'not subscribed then': 'was not subscribed then',
  'type not handled': 'is for other types of events',
};

const sentences: Readonly<Record<DeliveryState, (fate: DeliveryFate) => string>> = {
  done: ({ finishedAt, attempt }) => `done ${timeOf(finishedAt)}, attempt ${attempt}`,
  queued: ({ worker, leasedUntil }) =>
    `waits at ${worker ?? 'a scheduler'}, asked for again by ${timeOf(leasedUntil)}`,
  pending: (fate) => {
    if (fate.waitsFor !== undefined)
      return `waits for event ${fate.waitsFor}, which has the same key: ${fate.key}`;
    return fate.lastError === undefined
      ? `waits for a worker, due since ${timeOf(fate.dueAt)}`
      : `waits until ${timeOf(fate.dueAt)} after attempt ${fate.attempt}${failureOf(fate)}`;
  },
  running: ({ attempt, worker, leasedUntil }) =>
    `runs, attempt ${attempt}, leased by ${worker ?? 'a worker'} until ${timeOf(leasedUntil)}`,
  dead: (fate) => `dead since ${timeOf(fate.finishedAt)}, attempt ${fate.attempt}${failureOf(fate)}`,
  skipped: ({ finishedAt, reason }) => `skipped ${timeOf(finishedAt)}, because: ${reason ?? 'not said'}`,
};

function failureOf({ lastError }: DeliveryFate): string {
  return lastError === undefined ? '' : `, because ${lastError.name}: ${firstLine(lastError.message)}`;
}

function timeOf(date: Date | undefined): string {
  return date === undefined ? 'at an unknown time' : date.toISOString();
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
