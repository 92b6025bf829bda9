import {
  defineEvent,
  EventStore,
  Handles,
  type DeliveryFate,
  type Event,
  type HandlerContext,
  type ReplayProgress,
  type RunningReplay,
  type WatchedReplay,
  type Why,
  type Worker,
} from 'handover';

class QuoteCompleted extends defineEvent<{ quoteId: string }>('QuoteCompleted') {}
class PriceUpdated extends defineEvent<{ priceNow: number }>('PriceUpdated') {}

// oxlint-disable-next-line no-unnecessary-type-parameters -- only this form tells `any` from the rest
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(...proof: Same<A, B> extends true ? [] : [never]): void;

const store = new EventStore();
const queued = { run: 'queued', name: 'quotes.mail' } as const;

class Mailer {
  constructor(readonly host = 'localhost') {}
  async handle(event: QuoteCompleted, { signal, delivery }: HandlerContext) {
    signal.throwIfAborted();
    return `${event.data.quoteId}${delivery?.handler ?? ''}`;
  }
}

// Classes, factories and functions know their events.
store.subscribe(Mailer, { to: [QuoteCompleted], ...queued });
store.subscribe({ create: () => new Mailer('mail') }, { to: QuoteCompleted, ...queued });
store.subscribe({ create: async () => new Mailer('mail') }, { to: QuoteCompleted, ...queued });
store.subscribe((event) => same<typeof event, QuoteCompleted | PriceUpdated>(), {
  to: [QuoteCompleted, PriceUpdated],
  ...queued,
  attempts: 3,
  backoff: { base: 500 },
  timeout: 10_000,
  concurrency: 2,
  from: 'beginning',
  effects: 'external',
});
store.subscribeToAll((event) => same<typeof event, Event>(), { ...queued, backoff: 100 });

// The key is computed from the events of `to`.
store.subscribe(Mailer, { to: [QuoteCompleted], ...queued, orderedBy: (event) => event.data.quoteId });
store.subscribe((event) => same<typeof event, QuoteCompleted | PriceUpdated>(), {
  to: [QuoteCompleted, PriceUpdated],
  ...queued,
  orderedBy: (event) => {
    same<typeof event, QuoteCompleted | PriceUpdated>();
    return event instanceof PriceUpdated ? event.data.priceNow : event.data.quoteId;
  },
});
store.subscribe(() => {}, {
  to: 'QuoteCompleted',
  ...queued,
  orderedBy: (event) => {
    same<typeof event, Event>();
    return event.id;
  },
});
store.subscribeToAll(() => {}, { ...queued, orderedBy: (event) => event.stream ?? event.id });
// @ts-expect-error it has no such data
store.subscribe(Mailer, { to: [QuoteCompleted], ...queued, orderedBy: (event) => event.data.priceNow });
// @ts-expect-error an object is no key
store.subscribe(Mailer, { to: [QuoteCompleted], ...queued, orderedBy: (event) => event.data });
// @ts-expect-error nor is a promise
store.subscribe(Mailer, { to: [QuoteCompleted], ...queued, orderedBy: async (event) => event.data.quoteId });

// @ts-expect-error it is made for another event
store.subscribe(Mailer, { to: [PriceUpdated], ...queued });
// @ts-expect-error what it makes is for another event
store.subscribe({ create: () => new Mailer() }, { to: [PriceUpdated], ...queued });
// @ts-expect-error no such phase
store.subscribe(Mailer, { to: [QuoteCompleted], run: 'later' });
// @ts-expect-error no such effects
store.subscribe(Mailer, { to: [QuoteCompleted], ...queued, effects: 'none' });

@Handles(PriceUpdated, { run: 'queued', name: 'catalog.price-updated', attempts: 5 })
class PriceUpdatedHandler {
  handle(event: PriceUpdated) {
    return event.data.priceNow;
  }
}
store.subscribe(PriceUpdatedHandler);

@Handles([QuoteCompleted, PriceUpdated], {
  run: 'queued',
  name: 'in-order',
  orderedBy: (event) => {
    same<typeof event, QuoteCompleted | PriceUpdated>();
    return event.id;
  },
})
class InOrder {
  handle(_event: QuoteCompleted | PriceUpdated) {}
}
store.subscribe(InOrder);

export class OnMethod {
  @Handles(undefined, {
    run: 'queued',
    name: 'on-method',
    orderedBy: (event: PriceUpdated) => event.data.priceNow,
  })
  handle(_event: PriceUpdated) {}
}

// @ts-expect-error it has no such data
@Handles(PriceUpdated, { run: 'queued', name: 'wrong-key', orderedBy: (event) => event.data.quoteId })
export class WrongKey {
  handle(_event: PriceUpdated) {}
}

class Static {
  static handles = { to: [QuoteCompleted], run: 'queued', name: 'static' } as const;
  handle(_event: QuoteCompleted) {}
}
store.subscribe(Static);

export async function work(): Promise<void> {
  await using worker = await store.work({ concurrency: 32, pollEvery: 500, handlers: ['quotes.mail'] });
  same<typeof worker, Worker>();
  await worker.idle();
  await worker.stop();
  // @ts-expect-error a number is wanted
  await store.work({ concurrency: '32' });
}

export async function ask(): Promise<void> {
  const [letter] = await store.deadLetters.list({ handler: 'quotes.mail', limit: 10 });
  same<typeof letter, DeliveryFate | undefined>();
  same<number, Awaited<ReturnType<typeof store.deadLetters.retry>>>();
  await store.deadLetters.skip({ eventId: '1' }, 'sent by hand');
  // @ts-expect-error a reason is wanted
  await store.deadLetters.skip({ eventId: '1' });
  const why = await store.why('1');
  same<typeof why, Why>();
  for (const each of why.handlers) {
    if (each.state === 'dead') same<typeof each.fate, DeliveryFate>();
    // @ts-expect-error without a delivery there is no fate
    if (each.state === 'not subscribed then') same<typeof each.fate, DeliveryFate>();
  }
}

export async function replay(): Promise<void> {
  const running = await store.replays.start('catalog.price-view', { after: 7n, reason: 'a new column' });
  same<typeof running, RunningReplay>();
  for await (const each of running.progress({ every: 500 })) same<typeof each, ReplayProgress>();
  same<ReplayProgress, Awaited<ReturnType<typeof running.finished>>>();
  await store.replays.start('quotes.mail', { force: true, reason: 'the mails were lost' });
  // @ts-expect-error force wants a reason
  await store.replays.start('quotes.mail', { force: true });
  // @ts-expect-error positions are bigints
  await store.replays.start('quotes.mail', { after: 7 });
  same<readonly WatchedReplay[], Awaited<ReturnType<typeof store.replays.list>>>();
}
