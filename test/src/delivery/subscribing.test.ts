import { describe, expect, it } from '@jest/globals';
import { EventStore, type Event } from 'handover';
import { errorOf, PriceUpdated, QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

/** A store, and a log of who heard what. */
function listening() {
  const store = new EventStore();
  const heard: string[] = [];
  const hear = (name: string) => (event: Event) => void heard.push(`${name}:${event.id}`);
  return { store, heard, hear };
}

const to = [QuoteCompleted];

describe('a subscribed handler', () => {
  // R61
  it('hears events of its types, by class or name, and of no other', async () => {
    const { store, heard, hear } = listening();
    store.subscribe(hear('class'), { to: [QuoteCompleted, PriceUpdated] });
    store.subscribe(hear('single'), { to: QuoteCompleted });
    store.subscribe(hear('name'), { to: ['QuoteCompleted'] });
    store.subscribe(hear('other'), { to: [QuoteArchived] });
    await store.publish(quotes('a'));
    expect(heard).toEqual(['class:a', 'single:a', 'name:a']);
  });

  it('has finished when publish resolves, and gets its events one after the other', async () => {
    const store = new EventStore();
    const seen: string[] = [];
    store.subscribe(
      async (event) => {
        seen.push(`>${event.id}`);
        await Promise.resolve();
        seen.push(`<${event.id}`);
      },
      { to },
    );
    await store.publish(quotes('ab'));
    expect(seen).toEqual(['>a', '<a', '>b', '<b']);
  });

  it('gets the recorded event, already stored, and a context', async () => {
    const store = new EventStore();
    const seen: unknown[] = [];
    store.subscribe(
      async (event, context) => void seen.push(event, context, await store.isIn('Quote-1', event.id)),
      { to, name: 'mailer' },
    );
    const [recorded] = await store.publish(quotes('a'), { stream: 'Quote-1' });
    expect(seen[0]).toBe(recorded);
    expect(seen[0]).toBeInstanceOf(QuoteCompleted);
    expect(seen[1]).toMatchObject({
      attempt: 1,
      replaying: false,
      idempotencyKey: 'a:mailer',
      delivery: undefined,
    });
    expect((seen[1] as { signal: AbortSignal }).signal.aborted).toBe(false);
    expect(seen[2]).toBe(true);
  });

  // R62
  it('hears everything with subscribeToAll', async () => {
    const { store, heard, hear } = listening();
    const end = store.subscribeToAll(hear('all'));
    await store.publish([...quotes('a'), new QuoteArchived({}, { id: 'b' })]);
    end();
    await store.publish(quotes('c'));
    expect(heard).toEqual(['all:a', 'all:b']);
  });

  // R66
  it('is bound to the exact type: a class that extends another one is a stranger to its handlers', async () => {
    const store = new EventStore();
    class Special extends QuoteCompleted {}
    store.subscribe(() => {}, { to });
    expect(await errorOf(() => store.publish(new Special({ quoteId: '1' })))).toMatchObject({
      code: 'duplicate_event_type',
    });
  });

  // R67
  it('runs in the order typed, global, temporary, each as subscribed', async () => {
    const { store, heard, hear } = listening();
    store.subscribeToAll(hear('all1'));
    store.subscribe(hear('typed1'), { to });
    store.subscribeToAll(hear('all2'));
    store.subscribe(hear('typed2'), { to });
    await store
      .within(() => store.publish(quotes('a')))
      .subscribeToAll(hear('temporary1'))
      .subscribe(hear('temporary2'), { to })
      .run();
    expect(heard).toEqual(['typed1:a', 'typed2:a', 'all1:a', 'all2:a', 'temporary1:a', 'temporary2:a']);
  });

  // R68
  it('is called as often as it was subscribed', async () => {
    const { store, heard, hear } = listening();
    const handler = hear('h');
    store.subscribe(handler, { to });
    store.subscribe(handler, { to: [QuoteCompleted, QuoteCompleted] });
    await store.publish(quotes('a'));
    expect(heard).toEqual(['h:a', 'h:a', 'h:a']);
  });

  // R69
  it('is unsubscribed from all its types, without touching another subscription of the same handler', async () => {
    const { store, heard, hear } = listening();
    const handler = hear('h');
    const end = store.subscribe(handler, { to: [QuoteCompleted, QuoteArchived] });
    const endAnother = store.subscribe(handler, { to });
    end();
    end();
    await store.publish([...quotes('a'), new QuoteArchived()]);
    expect(heard).toEqual(['h:a']);
    endAnother();
    await store.publish(quotes('b'));
    expect(heard).toEqual(['h:a']);
  });

  // R70
  it('counts from the next event on when it is subscribed or unsubscribed by a handler', async () => {
    const { store, heard, hear } = listening();
    let end: (() => void) | undefined;
    store.subscribe(
      (event) => {
        if (event.id === 'a') end = store.subscribe(hear('late'), { to });
        if (event.id === 'c') end?.();
      },
      { to },
    );
    await store.publish(quotes('abcd'));
    expect(heard).toEqual(['late:b', 'late:c']);
  });

  // R72
  it('may return what it likes', async () => {
    const { store, heard, hear } = listening();
    store.subscribe(() => false, { to });
    store.subscribe(() => [], { to });
    store.subscribe(hear('next'), { to });
    await store.publish(quotes('a'));
    expect(heard).toEqual(['next:a']);
  });

  // R75
  it('is listed for its type, with global and temporary ones', async () => {
    const store = new EventStore();
    const [typed, global, temporary] = [() => 1, () => 2, () => 3];
    store.subscribeToAll(global);
    store.subscribe(typed, { to });
    expect(store.subscribersFor(QuoteCompleted)).toEqual([typed, global]);
    expect(store.subscribersFor('QuoteArchived')).toEqual([global]);
    await store
      .within(() => expect(store.subscribersFor('QuoteCompleted')).toEqual([typed, global, temporary]))
      .subscribe(temporary, { to })
      .run();
    expect(store.subscribersFor(QuoteCompleted)).toEqual([typed, global]);
  });

  // R76
  it('belongs to one store', async () => {
    const { store, heard, hear } = listening();
    store.subscribeToAll(hear('h'));
    await new EventStore().publish(quotes('a'));
    expect(heard).toEqual([]);
  });
});

describe('an event published by a handler', () => {
  // Hazards H17.
  it('is handled after all handlers of the event before it, and before publish resolves', async () => {
    const { store, heard, hear } = listening();
    store.subscribe((event) => store.publish(new QuoteArchived({}, { id: `${event.id}2` })), { to });
    store.subscribe(hear('completed'), { to });
    store.subscribe(hear('archived'), { to: [QuoteArchived] });
    await store.publish(quotes('ab'));
    expect(heard).toEqual(['completed:a', 'completed:b', 'archived:a2', 'archived:b2']);
  });

  it('is stored when its publish resolves, although its handlers are still to come', async () => {
    const store = new EventStore();
    let counted: number | undefined;
    store.subscribe(
      async () => {
        await store.publish(new QuoteArchived());
        counted = await store.read.ofType(QuoteArchived).count();
      },
      { to },
    );
    await store.publish(quotes('a'));
    expect(counted).toBe(1);
  });

  it('is handled on its own when the handler publishes it after its round is over', async () => {
    const { store, heard, hear } = listening();
    const over = Promise.withResolvers<void>();
    let late: Promise<unknown> | undefined;
    store.subscribe(
      () => {
        late = over.promise.then(() => store.publish(new QuoteArchived({}, { id: 'late' })));
      },
      { to },
    );
    store.subscribe(hear('archived'), { to: [QuoteArchived] });
    await store.publish(quotes('a'));
    expect(heard).toEqual([]);
    over.resolve();
    await late;
    expect(heard).toEqual(['archived:late']);
  });

  it('is refused 64 levels deep, with the chain of types', async () => {
    const store = new EventStore();
    let published = 0;
    store.subscribe(
      async () => {
        await store.publish(new QuoteArchived());
        published += 1;
      },
      { to: [QuoteArchived] },
    );
    const error = await errorOf(() => store.publish(new QuoteArchived()));
    expect(error).toMatchObject({
      code: 'handlers_failed',
      errors: [{ cause: { code: 'handlers_too_deep' } }],
    });
    expect(published).toBe(63);
    expect(await store.read.count()).toBe(64);
  });

  it('may follow many others at one level', async () => {
    const store = new EventStore();
    let left = 200;
    store.subscribe(
      () => Promise.all(Array.from({ length: 100 }, () => store.publish(new QuoteArchived()))),
      {
        to,
      },
    );
    store.subscribe(() => void (left -= 1), { to: [QuoteArchived] });
    await store.publish(quotes('ab'));
    expect(left).toBe(0);
  });
});

describe('a failing handler', () => {
  // R71
  it('stops nobody else: all run, then one error names each failure in order', async () => {
    const { store, heard, hear } = listening();
    const cause = new Error('mail server down');
    store.subscribe(
      function sendMail() {
        throw cause;
      },
      { to },
    );
    store.subscribe(hear('typed'), { to });
    store.subscribeToAll(async () => Promise.reject(new Error('late')), { name: 'audit' });
    store.subscribeToAll(hear('all'));
    const error = await errorOf(() => store.publish(quotes('ab')));
    expect(heard).toEqual(['typed:a', 'all:a', 'typed:b', 'all:b']);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({
      code: 'handlers_failed',
      errors: [
        { code: 'handler_failed', handlerName: 'sendMail', eventType: 'QuoteCompleted', eventId: 'a', cause },
        { handlerName: 'audit', eventId: 'a' },
        { handlerName: 'sendMail', eventId: 'b', cause },
        { handlerName: 'audit', eventId: 'b' },
      ],
    });
    expect(await store.read.count()).toBe(2);
  });

  it('is told to the outermost publish when it handled what another handler had published', async () => {
    const store = new EventStore();
    let inner: unknown = 'pending';
    store.subscribe(async () => void (inner = await store.publish(new QuoteArchived({}, { id: 'z' }))), {
      to,
    });
    store.subscribe(
      () => {
        throw new Error('archive is full');
      },
      { to: [QuoteArchived] },
    );
    expect(await errorOf(() => store.publish(quotes('a')))).toMatchObject({ errors: [{ eventId: 'z' }] });
    expect(inner).toMatchObject([{ id: 'z' }]);
  });

  it('may throw anything', async () => {
    const store = new EventStore();
    for (const thrown of [undefined, null, 'text', 7, Symbol('s'), { code: 1 }]) {
      store.subscribe(() => Promise.reject(thrown), { to });
    }
    const error = await errorOf(() => store.publish(quotes('a')));
    expect((error as AggregateError).errors).toHaveLength(6);
  });

  it('fails no other publish that is under way', async () => {
    const store = new EventStore();
    store.subscribe((event) => (event.id === 'a' ? Promise.reject(new Error('a')) : undefined), { to });
    const outcomes = await Promise.allSettled(quotes('abc').map((event) => store.publish(event)));
    expect(outcomes.map((each) => each.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  });
});

describe('a temporary handler', () => {
  // R73
  it('hears what the work publishes, until it ends, and gives back its value', async () => {
    const { store, heard, hear } = listening();
    const temporary = store
      .within(async () => {
        await store.publish(quotes('b'));
        return 7;
      })
      .subscribe(hear('single'), { to: QuoteCompleted })
      .subscribe(hear('list'), { to });
    await store.publish(quotes('a'));
    expect(await temporary.run()).toBe(7);
    await store.publish(quotes('c'));
    expect(heard).toEqual(['single:b', 'list:b']);
  });

  it('is called twice when given twice, and runs outside in when nested', async () => {
    const { store, heard, hear } = listening();
    const twice = hear('outer');
    await store
      .within(() =>
        store
          .within(() => store.publish(quotes('a')))
          .subscribeToAll(hear('inner'))
          .run(),
      )
      .subscribe(twice, { to })
      .subscribe(twice, { to })
      .run();
    expect(heard).toEqual(['outer:a', 'outer:a', 'inner:a']);
  });

  it('is gone when the work throws', async () => {
    const { store, heard, hear } = listening();
    const failing = store.within(() => Promise.reject(new Error('work'))).subscribeToAll(hear('h'));
    await expect(failing.run()).rejects.toThrow('work');
    const thrower = store.within(() => {
      throw new Error('at once');
    });
    await expect(thrower.run()).rejects.toThrow('at once');
    await store.publish(quotes('a'));
    expect(heard).toEqual([]);
  });

  it('no longer hears work that outlives it', async () => {
    const { store, heard, hear } = listening();
    const over = Promise.withResolvers<void>();
    let late: Promise<unknown> | undefined;
    await store
      .within(() => {
        late = over.promise.then(() => store.publish(quotes('a')));
      })
      .subscribeToAll(hear('h'))
      .run();
    over.resolve();
    await late;
    expect(heard).toEqual([]);
  });

  // R74
  it('hears only its own async context, and each run of one builder by itself', async () => {
    const { store, heard, hear } = listening();
    const both = Promise.withResolvers<void>();
    const work = (id: string) => async () => {
      if (id === 'b') both.resolve();
      await both.promise;
      await store.publish(quotes(id));
    };
    await Promise.all([
      store.within(work('a')).subscribeToAll(hear('first')).run(),
      store.within(work('b')).subscribeToAll(hear('second')).run(),
      both.promise.then(() => store.publish(quotes('c'))),
    ]);
    expect(heard.toSorted()).toEqual(['first:a', 'second:b']);
  });

  it('hears inside a handler, too, before its run ends', async () => {
    const { store, heard, hear } = listening();
    store.subscribe(
      async () => {
        await store
          .within(() => store.publish(new QuoteArchived({}, { id: 'z' })))
          .subscribeToAll(hear('h'))
          .run();
        heard.push('ended');
      },
      { to },
    );
    await store.publish(quotes('a'));
    expect(heard).toEqual(['h:z', 'ended']);
  });
});
