import {
  defineEvent,
  EventStore,
  Handles,
  type Event,
  type HandlerContext,
  type HandlerObject,
  type Reader,
  type Recorded,
} from 'handover';
import { captureEvents } from 'handover/testing';
import { z } from 'zod';

class QuoteCompleted extends defineEvent<{ quoteId: string }>('QuoteCompleted') {}
class PriceUpdated extends defineEvent('PriceUpdated', z.object({ priceNow: z.coerce.number() })) {}
class Tick extends defineEvent('Tick') {}
class Note extends defineEvent<{ text: string } | undefined>('Note') {}

// oxlint-disable-next-line no-unnecessary-type-parameters -- only this form tells `any` from the rest
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(...proof: Same<A, B> extends true ? [] : [never]): void;
declare function made(event: Event): void;

const store = new EventStore();

// Data types come from the type argument or from the schema: its input when made, its output when read.
const quote = new QuoteCompleted({ quoteId: '1' }, { metadata: { actor: 'u1' } });
same<typeof quote.data, { quoteId: string }>();
same<PriceUpdated['data'], { priceNow: number }>();
made(new PriceUpdated({ priceNow: '7' }));
made(new Tick());
made(new Tick({ anything: 1 }));
made(new Note());
// @ts-expect-error its data is required
made(new QuoteCompleted());
// @ts-expect-error its data is required
made(new PriceUpdated());
// @ts-expect-error no such data
made(new QuoteCompleted({ quoteID: '1' }));
// @ts-expect-error a number is wanted
made(new Note({ text: 1 }));
// @ts-expect-error data is for reading
quote.data = { quoteId: '2' };

// Handlers of classes know their events.
store.subscribe((event) => same<typeof event, QuoteCompleted>(), { to: QuoteCompleted });
store.subscribe(async (event) => event.data.quoteId.trim(), { to: [QuoteCompleted] });
store.subscribe(
  (event, context) => {
    same<typeof event, QuoteCompleted | PriceUpdated>();
    same<typeof context, HandlerContext>();
  },
  { to: [QuoteCompleted, PriceUpdated], name: 'both', run: 'in-transaction' },
);
store.subscribe((event) => same<typeof event, Event>(), { to: ['QuoteCompleted'] });
store.subscribe((event) => same<typeof event, QuoteCompleted | Event>(), { to: [QuoteCompleted, 'Tick'] });
store.subscribe((event: Event) => event.id, { to: [QuoteCompleted] });
store.subscribe(() => undefined, { to: [QuoteCompleted] });
store.subscribeToAll((event) => same<typeof event, Event>());
store.within(() => 7).subscribe((event) => event.data.priceNow.toFixed(), { to: PriceUpdated });
const value: Promise<number> = store
  .within(async () => 7)
  .subscribe((event) => same<typeof event, QuoteCompleted | PriceUpdated>(), {
    to: [QuoteCompleted, PriceUpdated],
  })
  .run();
void value;
// @ts-expect-error such a handler does not take a PriceUpdated
store.subscribe((event: QuoteCompleted) => event.data.quoteId, { to: [QuoteCompleted, PriceUpdated] });
// @ts-expect-error such a handler does not take every event
store.subscribeToAll((event: QuoteCompleted) => event.data.quoteId);
// @ts-expect-error a function does not say which events it is for
store.subscribe(() => undefined);
// @ts-expect-error nor when only other options are given
store.subscribe(() => undefined, { name: 'x' });
// @ts-expect-error no such phase
store.subscribe(() => undefined, { to: [QuoteCompleted], run: 'before' });

// So do classes and objects.
class PriceHandler implements HandlerObject<PriceUpdated> {
  handle(event: PriceUpdated) {
    return event.data.priceNow;
  }
}
store.subscribe(PriceHandler, { to: [PriceUpdated] });
store.subscribe(new PriceHandler(), { to: PriceUpdated });
store.subscribe({ handle: (event) => event.data.priceNow.toFixed() }, { to: [PriceUpdated] });
// @ts-expect-error its method does not take a QuoteCompleted
store.subscribe(PriceHandler, { to: [PriceUpdated, QuoteCompleted] });
// @ts-expect-error its method does not take a QuoteCompleted
store.subscribe(new PriceHandler(), { to: QuoteCompleted });

// A class that declares its events needs no options, and may have some.
@Handles(PriceUpdated, { name: 'prices' })
class Declared {
  handle(event: PriceUpdated): void {
    void event;
  }
}
store.subscribe(Declared);
store.subscribe(Declared, { run: 'in-transaction' });
store.within(() => {}).subscribe(Declared);
class NeedsArguments {
  constructor(readonly mailer: { send(): void }) {}
  handle(): void {}
}
// @ts-expect-error it is made without arguments
store.subscribe(NeedsArguments);

// Reading by class narrows.
same<ReturnType<typeof byOne>, Reader<QuoteCompleted>>();
same<ReturnType<typeof byTwo>, Reader<QuoteCompleted | PriceUpdated>>();
same<ReturnType<typeof byList>, Reader<QuoteCompleted | PriceUpdated>>();
same<ReturnType<typeof byName>, Reader>();
const byOne = () => store.read.stream('Quote-1').ofType(QuoteCompleted);
const byTwo = () => store.read.ofType(QuoteCompleted, PriceUpdated).backward().limit(1);
const byList = () => store.read.ofType([QuoteCompleted, PriceUpdated]);
const byName = () => store.read.ofType('QuoteCompleted');

// What comes back is recorded, and of the type that went in.
async function publishing(): Promise<void> {
  const recorded = await store.publish(quote, { stream: 'Quote-1', expectedVersion: 'none' });
  same<typeof recorded, readonly Recorded<QuoteCompleted>[]>();
  const [both] = await store.publish([quote, new PriceUpdated({ priceNow: 1 })]);
  both?.timestamp.getTime();
  same<(typeof both & object)['data'], { quoteId: string } | { priceNow: number }>();
  const captured = await captureEvents(store, [QuoteCompleted], () => {});
  same<typeof captured, QuoteCompleted[]>();
  const everything = await captureEvents(store, () => {});
  same<typeof everything, Event[]>();
  const text: string = store.withMetadata({ request: 1 }, () => 'sync');
  void text;
  // @ts-expect-error a class is no event
  await store.publish(QuoteCompleted);
  // @ts-expect-error a plain object is no event
  await store.publish({ type: 'QuoteCompleted', data: {} });
  // @ts-expect-error no such expectation
  await store.publish(quote, { stream: 'Quote-1', expectedVersion: 'exists' });
  // @ts-expect-error no such option
  await store.publish(quote, { streamName: 'Quote-1' });
}
void publishing;
