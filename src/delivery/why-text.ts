import type { DeliveryFate, DeliveryState } from './delivery-log.js';
import type { Why, WhyHandler } from './why.js';

export function describeWhy({ eventId, event, streams, handlers }: Omit<Why, 'text' | 'toString'>): string {
  if (event === undefined) return `Event ${eventId} is not stored.`;
  const place = streams.length === 0 ? 'in no stream' : `in ${streams.join(', ')}`;
  const position = event.position === undefined ? 'not sequenced yet' : `position ${event.position}`;
  const head = `${event.type} ${eventId}, recorded ${timeOf(event.timestamp)}, ${place}, ${position}`;
  if (handlers.length === 0) return `${head}\n  No handler listens to it.`;
  const width = Math.max(...handlers.map(({ handler }) => handler.length));
  return [head, ...handlers.map((each) => `  ${each.handler.padEnd(width)}  ${describe(each)}`)].join('\n');
}

function describe(handler: WhyHandler): string {
  if (handler.state === 'in process') {
    const when = handler.run === 'in-transaction' ? 'inside the transaction' : 'after the commit';
    return `runs in the publishing process, ${when}; its fate is not kept`;
  }
  const orphaned = handler.isHere ? '' : ' (not subscribed in this process)';
  return `${'fate' in handler ? sentences[handler.state](handler.fate) : withoutDelivery[handler.state]}${orphaned}`;
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
