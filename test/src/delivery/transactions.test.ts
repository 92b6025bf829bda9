import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { EventStore, memoryLog, type Event, type EventLog, type Transactions } from 'handover';
import { errorOf, idsOf, QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

const to = [QuoteCompleted];

afterEach(() => {
  jest.restoreAllMocks();
});

function withTransactions() {
  const log = memoryLog();
  const store = new EventStore({ log });
  const heard: string[] = [];
  const hear = (name: string) => (event: Event) => void heard.push(`${name}:${event.id}`);
  return { log, store, heard, hear };
}

describe('an in-transaction handler', () => {
  it('vetoes the publish by throwing: nothing is stored and nobody else is told', async () => {
    const { store, heard, hear } = withTransactions();
    const cause = new Error('credit limit');
    const limit = () => Promise.reject(cause);
    store.subscribe(limit, { to, run: 'in-transaction' });
    store.subscribe(hear('later'), { to, run: 'in-transaction' });
    store.subscribe(hear('after'), { to });
    expect(await errorOf(() => store.publish(quotes('ab'), { stream: 'Quote-1' }))).toMatchObject({
      code: 'handler_failed',
      handlerName: 'limit',
      eventId: 'a',
      cause,
    });
    expect(heard).toEqual([]);
    expect(await store.read.count()).toBe(0);
  });

  it('runs before all after-commit handlers, finds the event stored, and takes its own events along', async () => {
    const { store, heard, hear } = withTransactions();
    store.subscribe(hear('after'), { to });
    store.subscribe(hear('archived'), { to: [QuoteArchived] });
    store.subscribe(
      async (event) => {
        heard.push(`in:${event.id}:${event.version}:${await store.read.stream('Quote-1').count()}`);
        await store.publish(new QuoteArchived({}, { id: `${event.id}2` }));
      },
      { to, run: 'in-transaction' },
    );
    await store.publish(quotes('ab'), { stream: 'Quote-1' });
    expect(heard).toEqual(['in:a:0:2', 'in:b:1:2', 'after:a', 'after:b', 'archived:a2', 'archived:b2']);
    expect((await store.read.event('a2'))?.causationId).toBe('a');
  });

  it('takes along what it published when a later one throws', async () => {
    const { store } = withTransactions();
    store.subscribe(() => store.publish(new QuoteArchived()), { to, run: 'in-transaction' });
    store.subscribe(() => Promise.reject(new Error('no')), { to, run: 'in-transaction' });
    await expect(store.publish(quotes('a'))).rejects.toMatchObject({ code: 'handler_failed' });
    expect(await store.read.count()).toBe(0);
  });

  it('dooms the transaction that is open around the publish, even when the publisher swallows the error', async () => {
    const { log, store } = withTransactions();
    store.subscribe(() => Promise.reject(new Error('no')), { to, run: 'in-transaction' });
    const transaction = log.transaction(async () => {
      await store.publish(new QuoteArchived());
      await store.publish(quotes('a')).catch(() => undefined);
    });
    await expect(transaction).rejects.toMatchObject({ code: 'handler_failed' });
    expect(await store.read.count()).toBe(0);
  });

  it('is not heard of by append', async () => {
    const { store } = withTransactions();
    store.subscribe(() => Promise.reject(new Error('no')), { to, run: 'in-transaction' });
    await store.append(quotes('a'));
    expect(await store.read.count()).toBe(1);
  });

  it('leaves failures of after-commit handlers to publish', async () => {
    const { store } = withTransactions();
    store.subscribe(() => {}, { to, run: 'in-transaction' });
    store.subscribe(() => Promise.reject(new Error('no')), { to });
    expect(await errorOf(() => store.publish(quotes('a')))).toMatchObject({ code: 'handlers_failed' });
    expect(await store.read.count()).toBe(1);
  });

  it('joins the order of the handlers around it', async () => {
    const { store, heard, hear } = withTransactions();
    store.subscribe(() => store.publish(new QuoteArchived({}, { id: 'x' })), { to });
    store.subscribe(() => store.publish(new QuoteArchived({}, { id: 'y' }), { topic: 'inner' }), {
      to: [QuoteArchived],
      run: 'in-transaction',
    });
    store.subscribe(hear('completed'), { to });
    store.subscribe(hear('archived'), { to: [QuoteArchived] });
    store.subscribe(hear('inner'), { to: ['inner'] });
    await store.publish(quotes('a'));
    expect(heard).toEqual(['completed:a', 'archived:x', 'inner:y']);
  });

  it('cannot be asked of a log without transactions', async () => {
    const log: EventLog = { ...memoryLog(), transactions: undefined };
    const store = new EventStore({ log });
    store.subscribe(() => {}, { to, run: 'in-transaction' });
    expect(await errorOf(() => store.publish(quotes('a')))).toMatchObject({ argument: 'run' });
    expect(await store.read.count()).toBe(0);
  });
});

describe('publishing inside a transaction', () => {
  it('is dispatched after the outermost commit, outside of the transaction', async () => {
    const { log, store, heard, hear } = withTransactions();
    store.subscribe(hear('after'), { to });
    store.subscribe(
      async (event) => {
        await store.publish(new QuoteArchived({}, { id: `${event.id}2` }));
        heard.push(`current:${typeof log.transactions?.current()}`);
      },
      { to },
    );
    await log.transaction(async () => {
      await log.transaction(async () => void (await store.publish(quotes('a'))));
      heard.push('released');
    });
    expect(heard).toEqual(['released', 'after:a', 'current:undefined']);
    expect(idsOf(await store.read.toArray())).toEqual('aa2');
  });

  it('runs handlers where no transaction can be found, whatever the log leaves open', async () => {
    const inner = memoryLog();
    let isOutside = false;
    const transactions: Transactions = {
      current: () => inner.transactions?.current(),
      run: (work) => inner.transactions!.run(work),
      outside: (work) => {
        isOutside = true;
        const result = work();
        isOutside = false;
        return result;
      },
    };
    const store = new EventStore({ log: { ...inner, transactions } });
    const seen: boolean[] = [];
    store.subscribe(() => void seen.push(isOutside), { to });
    await store.publish(quotes('a'));
    await inner.transaction(async () => void (await store.publish(quotes('b'))));
    expect(seen).toEqual([true, true]);
  });

  it('vanishes with the transaction, or with the savepoint alone, and then nobody is told', async () => {
    const { log, store, heard, hear } = withTransactions();
    store.subscribe(hear('after'), { to });
    const undone = log.transaction(async () => {
      await store.publish(quotes('a'), { stream: 'Quote-1' });
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    await log.transaction(async () => {
      const savepoint = log.transaction(async () => {
        await store.publish(quotes('b'));
        throw new Error('undo');
      });
      await savepoint.catch(() => undefined);
      await store.publish(quotes('c'));
    });
    expect(heard).toEqual(['after:c']);
    expect(idsOf(await store.read.toArray())).toBe('c');
  });

  it('survives a wrong expected version', async () => {
    const { log, store } = withTransactions();
    await log.transaction(async () => {
      await store.publish(quotes('a'), { stream: 'Quote-1' });
      const wrong = store.publish(quotes('b'), { stream: 'Quote-1', expectedVersion: 'none' });
      await expect(wrong).rejects.toMatchObject({ code: 'wrong_expected_version', actual: 0 });
      await store.publish(quotes('c'), { stream: 'Quote-1', expectedVersion: 0 });
    });
    expect(idsOf(await store.read.stream('Quote-1').toArray())).toBe('ac');
  });

  it('reports failed handlers to onError, one by one, because the commit stands', async () => {
    const { log, store } = withTransactions();
    const reported: unknown[] = [];
    const end = store.onError((error) => reported.push(error));
    store.onError(() => Promise.reject(new Error('reporting failed')));
    store.subscribe(() => Promise.reject(new Error('one')), { to });
    store.subscribe(() => Promise.reject(new Error('two')), { to });
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await log.transaction(async () => void (await store.publish(quotes('a'))));
    expect(reported).toMatchObject([
      { code: 'handler_failed', eventId: 'a', message: expect.stringContaining('one') },
      { code: 'handler_failed', message: expect.stringContaining('two') },
    ]);
    expect(warnings.mock.calls.map(([text]) => String(text).split('\n')[0])).toEqual([
      'HandlerFailed: Handler anonymous failed on QuoteCompleted a: one',
      'Error: reporting failed',
      'HandlerFailed: Handler anonymous failed on QuoteCompleted a: two',
      'Error: reporting failed',
    ]);
    end();
    await log.transaction(async () => void (await store.publish(quotes('b'))));
    expect(reported).toHaveLength(2);
  });

  it('warns when nobody listens to errors', async () => {
    const { log, store } = withTransactions();
    store.subscribe(() => Promise.reject(new Error('unheard')), { to });
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await log.transaction(async () => void (await store.publish(quotes('a'))));
    expect(warnings.mock.calls).toEqual([[expect.objectContaining({ code: 'handler_failed' })]]);
    warnings.mockRestore();
  });
});

describe('the async context of a publisher', () => {
  const request = new AsyncLocalStorage<string>();

  function noting() {
    const { log, store } = withTransactions();
    const seen: string[] = [];
    store.subscribeToAll((event) => void seen.push(`${event.id}:${request.getStore()}`));
    return { log, store, seen };
  }

  it('is the one its handlers run in', async () => {
    const { store, seen } = noting();
    await request.run('one', () => store.publish(quotes('a')));
    expect(seen).toEqual(['a:one']);
  });

  it('is kept where a transaction commits in another one', async () => {
    const { log, store, seen } = noting();
    await request.run('outer', () =>
      log.transaction(async () => {
        await request.run('one', () => store.publish(quotes('a')));
        await request.run('two', () => store.publish(quotes('b')));
      }),
    );
    expect(seen).toEqual(['a:one', 'b:two']);
  });

  it('is kept for events that a handler publishes, which wait for the handlers of its own event', async () => {
    const { store, seen } = noting();
    store.subscribe(() => request.run('handler', () => store.publish(new QuoteArchived({}, { id: 'z' }))), {
      to,
    });
    await request.run('one', () => store.publish(quotes('a')));
    expect(seen).toEqual(['a:one', 'z:handler']);
  });

  it('is kept for an event that is recorded in the background', async () => {
    const { store, seen } = noting();
    const [event] = quotes('a');
    if (event === undefined) throw new Error('There is no event.');
    const publication = await request.run('one', () => store.recording.prepare(event));
    await store.recording.store(publication);
    await store.recording.announce(publication);
    expect(seen).toEqual(['a:one']);
  });
});
