// oxlint-disable-next-line import/no-unassigned-import -- it fills Reflect
import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { defineEvent, EventStore, Handles, type Event, type HandlerContext } from 'handover';
import { errorOf, PriceUpdated, QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

const to = [QuoteCompleted];

class NoMethod {
  readonly name = 'none';
}

class StaticOnly extends NoMethod {
  static handle() {}
}

const fail = () => Promise.reject(new Error('no'));

function declareTwice() {
  class Two {
    @Handles(QuoteCompleted)
    completed() {}
    @Handles(QuoteArchived)
    archived() {}
  }
  return Two;
}

describe('a handler', () => {
  it('may be a function, an object or a class', async () => {
    const store = new EventStore();
    const heard: string[] = [];
    class Listener {
      handle(event: Event, context: HandlerContext) {
        heard.push(`class:${event.id}:${context.attempt}`);
      }
    }
    const object = {
      name: 'object',
      handle(event: Event) {
        heard.push(`${this.name}:${event.id}`);
      },
    };
    store.subscribe((event) => heard.push(`function:${event.id}`), { to });
    store.subscribe(object, { to });
    store.subscribe(Listener, { to });
    await store.publish(quotes('a'));
    expect(heard).toEqual(['function:a', 'object:a', 'class:a:1']);
  });

  // R64, R65
  it('is made afresh for each event when it is a class, and shared when it is an object', async () => {
    const counts: Record<string, number[]> = { class: [], object: [] };
    class Counting {
      #count = 0;
      constructor(readonly kind: 'class' | 'object' = 'class') {}
      handle() {
        this.#count += 1;
        counts[this.kind]?.push(this.#count);
      }
    }
    const store = new EventStore();
    store.subscribe(Counting, { to });
    store.subscribe(new Counting('object'), { to });
    await store.publish(quotes('abc'));
    expect(counts).toEqual({ class: [1, 1, 1], object: [1, 2, 3] });
  });

  it('whose constructor throws has failed', async () => {
    class Broken {
      constructor() {
        throw new Error('no mailer');
      }
      handle() {}
    }
    const store = new EventStore();
    store.subscribe(Broken, { to });
    expect(await errorOf(() => store.publish(quotes('a')))).toMatchObject({
      errors: [{ handlerName: 'Broken', message: expect.stringContaining('no mailer') }],
    });
  });

  it('is named in errors by its option, its class or its function', async () => {
    const store = new EventStore();
    class Audit {
      handle() {
        return fail();
      }
    }
    store.subscribe(fail, { to, name: 'given' });
    store.subscribe(fail, { to });
    store.subscribe(Audit, { to });
    store.subscribe(new Audit(), { to });
    store.subscribe({ handle: fail }, { to });
    const error = await errorOf(() => store.publish(quotes('a')));
    expect((error as AggregateError).errors.map((each: { handlerName: string }) => each.handlerName)).toEqual(
      ['given', 'fail', 'Audit', 'Audit', 'anonymous'],
    );
  });
});

describe('a handler class', () => {
  it('declares its events with a decorator', async () => {
    const heard: string[] = [];
    @Handles([QuoteCompleted, 'QuoteArchived'], { name: 'quotes' })
    class OnQuotes {
      handle(event: Event) {
        heard.push(event.id);
      }
    }
    const store = new EventStore();
    store.subscribe(OnQuotes);
    await store.publish([...quotes('a'), new QuoteArchived({}, { id: 'b' })]);
    expect(heard).toEqual(['a', 'b']);
  });

  it('declares its events with a static property', async () => {
    const heard: string[] = [];
    class OnQuotes {
      static readonly handles = { to: [QuoteCompleted] };
      handle(event: QuoteCompleted) {
        heard.push(event.data.quoteId);
      }
    }
    class OnOne {
      static readonly handles = { to: QuoteCompleted };
      handle() {
        heard.push('one');
      }
    }
    const store = new EventStore();
    store.subscribe(OnQuotes);
    store.subscribe(OnOne);
    await store.publish(quotes('a'));
    expect(heard).toEqual(['a', 'one']);
  });

  it('declares its events on the method, whose parameter names them', async () => {
    const heard: unknown[] = [];
    class OnQuotes {
      @Handles()
      completed(event: QuoteCompleted) {
        heard.push(event.data.quoteId, this instanceof OnQuotes);
      }
    }
    class OnArchived {
      @Handles(QuoteArchived)
      archived(event: Event) {
        heard.push(event.type);
      }
    }
    const store = new EventStore();
    store.subscribe(OnQuotes);
    store.subscribe(OnArchived);
    await store.publish([...quotes('a'), new QuoteArchived()]);
    expect(heard).toEqual(['a', true, 'QuoteArchived']);
  });

  it('takes a standard decorator, too', async () => {
    const heard: string[] = [];
    class OnQuotes {
      handle(event: Event) {
        heard.push(event.id);
      }
    }
    Handles(QuoteCompleted)(OnQuotes, { kind: 'class', name: 'OnQuotes' });
    const store = new EventStore();
    store.subscribe(OnQuotes);
    await store.publish(quotes('a'));
    expect(heard).toEqual(['a']);
    expect(
      await errorOf(() => Handles(QuoteCompleted)(Function, { kind: 'method', name: 'handle' })),
    ).toMatchObject({ code: 'invalid_argument', argument: '@Handles' });
  });

  it('hands its declaration down to classes that extend it, and options go before it', async () => {
    const heard: string[] = [];
    @Handles(QuoteCompleted)
    class Base {
      handle(event: Event) {
        heard.push(`${this.constructor.name}:${event.id}`);
      }
    }
    class Derived extends Base {}
    const store = new EventStore();
    store.subscribe(Derived);
    store.subscribe(Base, { to: [QuoteArchived] });
    await store.publish([...quotes('a'), new QuoteArchived({}, { id: 'b' })]);
    expect(heard).toEqual(['Derived:a', 'Base:b']);
  });

  it('is declared once: a second declaration would silence the first', async () => {
    expect(await errorOf(declareTwice)).toMatchObject({ code: 'invalid_argument', argument: '@Handles' });
  });
});

describe('subscribing', () => {
  const store = new EventStore();
  const subscribe = store.subscribe.bind(store) as (handler: unknown, options?: unknown) => unknown;

  // R61, R63, R64
  it('refuses what cannot be a handler, and says what can', async () => {
    class ArrowOnly {
      handle = () => {};
    }
    const arrow = ArrowOnly as unknown;
    for (const handler of [
      undefined,
      null,
      'sendMail',
      7,
      {},
      [],
      { handle: 1 },
      NoMethod,
      StaticOnly,
      arrow,
    ]) {
      expect(await errorOf(() => subscribe(handler, { to }))).toMatchObject({
        code: 'invalid_handler',
        handler,
        message: expect.stringContaining('→ Pass `async (event, context) => …`'),
      });
    }
  });

  it('refuses to guess which events are meant', async () => {
    class Undeclared {
      handle() {}
    }
    const invalid = { code: 'invalid_argument', argument: 'to' };
    expect(await errorOf(() => subscribe(fail))).toMatchObject(invalid);
    expect(await errorOf(() => subscribe(Undeclared))).toMatchObject({
      ...invalid,
      message: expect.stringContaining('subscribe(Undeclared, { to:'),
    });
    for (const targets of [
      [],
      null,
      7,
      [undefined],
      [NoMethod],
      [{}],
      [new QuoteArchived()],
      Object,
      Array(1),
    ]) {
      expect(await errorOf(() => subscribe(fail, { to: targets }))).toMatchObject(invalid);
    }
    expect(await errorOf(() => subscribe(fail, { to: ['no name'] }))).toMatchObject({
      code: 'invalid_event_name',
    });
    for (const options of [null, 'QuoteCompleted', [QuoteCompleted]]) {
      expect(await errorOf(() => subscribe(fail, options))).toMatchObject({
        argument: 'options',
        message: expect.stringContaining('{ to: [OrderPlaced] }'),
      });
    }
  });

  it('refuses an unknown phase, and a queue option outside the queue', async () => {
    expect(await errorOf(() => subscribe(fail, { to, run: 'later' }))).toMatchObject({ argument: 'run' });
    expect(await errorOf(() => subscribe(fail, { to, run: 'queued' }))).toMatchObject({
      code: 'invalid_handler',
    });
  });

  it('has left nothing behind after a refusal', async () => {
    const own = new EventStore();
    class Impostor extends defineEvent('QuoteCompleted') {}
    own.register(QuoteCompleted);
    expect(await errorOf(() => own.subscribe(() => {}, { to: [PriceUpdated, Impostor] }))).toMatchObject({
      code: 'duplicate_event_type',
    });
    expect(own.subscribersFor(PriceUpdated)).toEqual([]);
  });

  it('temporarily is checked just so', async () => {
    const within = store.within(() => {}) as unknown as {
      subscribe(handler: unknown, options?: unknown): unknown;
    };
    expect(await errorOf(() => within.subscribe({}, { to }))).toMatchObject({ code: 'invalid_handler' });
    expect(await errorOf(() => within.subscribe(() => {}))).toMatchObject({ argument: 'to' });
    expect(await errorOf(() => store.within(undefined as never))).toMatchObject({ argument: 'within' });
    expect(await errorOf(() => store.subscribeToAll({} as never))).toMatchObject({ code: 'invalid_handler' });
  });
});
