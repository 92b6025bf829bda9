import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { EventEmitter } from 'eventemitter3';
import { z } from 'zod';
import { defineEvent, EventStore, type InvalidArgument, LogUnavailable, memoryLog } from 'handover';
import { createBus, recordEmitter, type ConnectOptions, type SubscribeOptions } from 'handover/legacy';
import { captureEvents } from 'handover/testing';
import { callOf, errorOf } from './ears.js';

class Paid extends defineEvent<{ order: number }>('Paid') {}

const later = { deliver: 'after-commit' } as const;

function connected(options: ConnectOptions = { events: { paid: Paid } }) {
  const log = memoryLog();
  const store = new EventStore({ log });
  const bus = createBus();
  const errors: Error[] = [];
  bus.onError((error) => errors.push(error));
  bus.connect(store, options);
  class Shop extends bus.Publisher() {
    tell(name: string, ...args: unknown[]): this {
      return this.broadcast(name, ...args);
    }
  }
  const heard: unknown[] = [];
  const ear = (name: string) => ({ paid: ({ order }: { order: number }) => void heard.push([name, order]) });
  const inTransaction = async (work: () => unknown) => {
    await log.transactions?.run(async () => void (await work()));
  };
  return { bus, store, log, errors, Shop, shop: new Shop(), heard, ear, inTransaction };
}

const declined = () => Promise.reject(new Error('declined'));

describe('the option `deliver`', () => {
  it.each<unknown>(['after_commit', 'later', true, 0, '', {}])('refuses %p', (deliver) => {
    const { bus, shop, Shop } = connected();
    const wanted = errorOf('invalid_argument', /Expected `deliver` to be 'inline' or 'after-commit', got /);
    for (const subscriber of [bus, shop, Shop]) {
      expect(() => callOf(subscriber, 'subscribe').call(subscriber, {}, { deliver })).toThrow(wanted);
    }
    expect(bus.listeners).toEqual([]);
  });

  it.each<SubscribeOptions['deliver']>(['inline', null, undefined])('is inline for %p', (deliver) => {
    const { bus, shop, heard, ear } = connected();
    bus.subscribe(ear('a'), { deliver });
    shop.tell('paid', { order: 1 });
    expect(heard).toEqual([['a', 1]]);
  });

  it('leaves an object with a method of that name a listener', () => {
    const bus = createBus();
    const deliver = jest.fn();
    bus.subscribe({}, { deliver });
    bus.publisher({}).broadcast('deliver', 1);
    expect(deliver.mock.calls).toEqual([[1]]);
  });
});

describe('a listener after the commit', () => {
  it('hears nothing before the outermost transaction has committed, and then everything', async () => {
    const { bus, shop, heard, ear, inTransaction } = connected();
    bus.subscribe(ear('a'), later);
    await inTransaction(async () => {
      await inTransaction(() => shop.tell('paid', { order: 1 }));
      shop.tell('paid', { order: 2 });
      await turn();
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
  });

  it('never hears what was rolled back, and is no phantom', async () => {
    const { bus, store, shop, heard, ear, inTransaction } = connected();
    bus.subscribe(ear('a'), later);
    const work = inTransaction(() => {
      shop.tell('paid', { order: 1 });
      return declined();
    });
    await expect(work).rejects.toThrow('declined');
    await bus.settled();
    expect([heard, bus.phantoms, await store.read.count()]).toEqual([[], [], 0]);
  });

  it('does not hear what a savepoint rolled back within a transaction that commits', async () => {
    const { bus, shop, heard, ear, inTransaction } = connected();
    bus.subscribe(ear('a'), later);
    await inTransaction(async () => {
      shop.tell('paid', { order: 1 });
      const undone = inTransaction(async () => {
        await inTransaction(() => shop.tell('paid', { order: 2 }));
        return declined();
      });
      await expect(undone).rejects.toThrow('declined');
      shop.tell('paid', { order: 3 });
    });
    expect(heard).toEqual([
      ['a', 1],
      ['a', 3],
    ]);
  });

  it('gets the very arguments of the broadcast', async () => {
    const { bus, shop, inTransaction } = connected();
    const paid = jest.fn();
    bus.subscribe({ paid }, later);
    const order = { order: 1 };
    await inTransaction(() => shop.tell('paid', order));
    expect(paid.mock.calls[0]?.[0]).toBe(order);
  });

  it('comes in the order of broadcasts, then local, global, temporary, each as subscribed', async () => {
    const { bus, shop, heard, ear, inTransaction } = connected();
    bus.subscribe(ear('global'), later).subscribe(ear('inline'));
    shop.subscribe(ear('local'), later);
    await inTransaction(() =>
      bus.subscribe(ear('temporary'), later, () =>
        shop.tell('paid', { order: 1 }).tell('paid', { order: 2 }),
      ),
    );
    const others = ['local', 'global', 'temporary'];
    expect(heard).toEqual([
      ['inline', 1],
      ['inline', 2],
      ...others.map((name) => [name, 1]),
      ...others.map((name) => [name, 2]),
    ]);
  });

  it('hears what was broadcast in its block also when the commit comes after the end of the block', async () => {
    const { bus, shop, heard, ear, inTransaction } = connected();
    await inTransaction(async () => {
      const block = async () => shop.tell('paid', { order: 1 });
      await bus.subscribe(ear('temporary'), { deliver: 'after-commit' }, block);
      shop.tell('paid', { order: 2 });
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual([['temporary', 1]]);
  });

  it('hears what it was subscribed to at the broadcast, no more and no less', async () => {
    const { bus, shop, heard, ear, inTransaction } = connected();
    const early = ear('early');
    bus.subscribe(early, later);
    await inTransaction(() => {
      shop.tell('paid', { order: 1 });
      bus.unsubscribe(early).subscribe(ear('late'), later);
    });
    expect(heard).toEqual([['early', 1]]);
  });

  it('hears before the handlers of the same event', async () => {
    const { bus, store, shop, heard, ear, inTransaction } = connected();
    store.subscribe(({ data }: Paid) => void heard.push(['handler', data.order]), { to: [Paid] });
    bus.subscribe(ear('a'), later);
    await inTransaction(() => shop.tell('paid', { order: 1 }).tell('paid', { order: 2 }));
    expect(heard).toEqual([
      ['a', 1],
      ['handler', 1],
      ['a', 2],
      ['handler', 2],
    ]);
  });

  it('keeps nobody else from hearing when it throws, and bus.onError is told', async () => {
    const { bus, store, shop, errors, heard, ear, inTransaction } = connected();
    const failures: unknown[] = [];
    store.onError((error) => failures.push(error));
    class Broken {
      paid() {
        throw new Error('down');
      }
    }
    bus.subscribe(new Broken(), later).subscribe(ear('a'), later);
    store.subscribe(({ data }: Paid) => void heard.push(['handler', data.order]), { to: [Paid] });
    await inTransaction(() => shop.tell('paid', { order: 1 }).tell('paid', { order: 2 }));
    expect(heard.filter((each) => (each as unknown[])[0] === 'a')).toHaveLength(2);
    expect(heard).toHaveLength(4);
    const told = { code: 'listener_failed', eventName: 'paid', listenerName: 'an instance of Broken' };
    expect(errors).toEqual([expect.objectContaining(told), expect.objectContaining(told)]);
    expect(failures).toEqual([]);
  });

  it('hears what commits although an inline listener in front of it threw', async () => {
    const { bus, shop, heard, ear, inTransaction } = connected();
    const paid = () => {
      throw new Error('inline');
    };
    bus.subscribe({ paid }).subscribe(ear('a'), later).subscribe(ear('inline'));
    await inTransaction(() => {
      expect(() => shop.tell('paid', { order: 1 })).toThrow('inline');
    });
    expect(heard).toEqual([['a', 1]]);
  });

  it('reports once the rejection of an async listener, whom no commit waits for', async () => {
    const { bus, shop, errors, inTransaction } = connected();
    let reject: (error: Error) => void = () => undefined;
    bus.subscribe({ paid: () => new Promise((_, fail) => (reject = fail)) }, later);
    await inTransaction(() => shop.tell('paid', { order: 1 }));
    expect(errors).toEqual([]);
    reject(new Error('down'));
    await bus.settled();
    expect(errors).toEqual([expect.objectContaining({ code: 'listener_failed' })]);
  });

  it('may broadcast, and the new event is caused by the old one', async () => {
    const { bus, store, shop, inTransaction } = connected();
    bus.subscribe({ paid: () => void shop.tell('shipped') }, later);
    await inTransaction(() => store.withMetadata({ requestId: 'r' }, () => shop.tell('paid', { order: 1 })));
    await bus.settled();
    const [paid, shipped] = await store.read.toArray();
    expect(shipped).toMatchObject({ type: 'shipped', metadata: { requestId: 'r', causationId: paid?.id } });
  });

  it('works in no transaction, also when another one has been opened meanwhile', async () => {
    const { bus, store, shop, inTransaction } = connected();
    bus.subscribe({ paid: () => void shop.tell('shipped') }, later);
    shop.tell('paid', { order: 1 });
    await expect(
      inTransaction(async () => {
        await turn();
        return declined();
      }),
    ).rejects.toThrow('declined');
    await bus.settled();
    expect((await store.read.toArray()).map(({ type }) => type)).toEqual(['Paid', 'shipped']);
  });

  it('is reached through its broadcaster, at the later time, with prefix, with and scope as ever', async () => {
    const { bus, Shop, shop, inTransaction } = connected();
    class Elsewhere extends bus.Publisher() {}
    const through = jest.fn();
    bus.configure((c) => c.broadcaster('async', { broadcast: through }));
    const when_called = jest.fn();
    const listener = { when_called };
    bus.subscribe(listener, {
      ...later,
      async: true,
      prefix: 'when',
      with: 'called',
      on: 'paid',
      scope: Shop,
    });
    bus.subscribe(listener, { ...later, prefix: 'when', with: 'called', scope: Elsewhere });
    Shop.subscribe(listener, { ...later, prefix: 'when', with: 'called' });
    await inTransaction(() => {
      shop.tell('paid', { order: 1 }).tell('opened');
      expect(through).not.toHaveBeenCalled();
    });
    expect(through.mock.calls).toEqual([[listener, shop, 'when_called', { order: 1 }]]);
    expect(when_called.mock.calls).toEqual([[{ order: 1 }], []]);
  });

  it('may be a function, which is what a block cannot be', async () => {
    const { shop, inTransaction } = connected();
    const block = jest.fn();
    const note = (order: unknown) => block(order);
    shop.subscribe(note, { on: 'paid', with: 'call', deliver: 'after-commit' });
    await inTransaction(() => {
      shop.tell('paid', { order: 1 }).tell('opened');
      expect(block).not.toHaveBeenCalled();
    });
    expect(block.mock.calls).toEqual([[{ order: 1 }]]);
  });

  it('reports what its broadcaster throws', async () => {
    const { bus, shop, errors, ear, inTransaction } = connected();
    const broadcast = () => {
      throw new Error('queue is full');
    };
    bus.subscribe(ear('a'), { ...later, broadcaster: { broadcast } });
    await inTransaction(() => shop.tell('paid', { order: 1 }));
    expect(errors).toEqual([expect.objectContaining({ code: 'listener_failed' })]);
  });

  it('hears at once, in the order of subscription, what new code has published, also behind one that throws', async () => {
    const { bus, store, heard, ear, inTransaction } = connected();
    const paid = () => {
      throw new Error('inline');
    };
    bus.subscribe(ear('a'), later).subscribe({ paid }).subscribe(ear('b'), later);
    const failures: unknown[] = [];
    store.onError((error) => failures.push(error));
    await inTransaction(async () => {
      await store.publish(new Paid({ order: 1 }));
      expect(heard).toEqual([]);
    });
    expect(failures).toEqual([expect.objectContaining({ code: 'handler_failed' })]);
    expect(heard).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('is not told by captureEvents, as no handler is', async () => {
    const { bus, store, shop, heard, ear } = connected();
    bus.subscribe(ear('later'), later).subscribe(ear('inline'));
    const captured = await captureEvents(store, () => shop.tell('paid', { order: 1 }));
    expect(captured).toHaveLength(1);
    expect(heard).toEqual([['inline', 1]]);
  });

  it('does not hear what an emitter emits, which has listeners of its own', async () => {
    const { bus, store, heard, ear } = connected();
    const emitter = new EventEmitter<{ paid: [order: { order: number }] }>();
    recordEmitter(emitter, bus);
    bus.subscribe(ear('a'), later);
    emitter.emit('paid', { order: 1 });
    await bus.settled();
    expect([await store.read.count(), heard]).toEqual([1, []]);
  });
});

describe('outside a transaction, a listener after the commit', () => {
  it('hears what is stored by then, which bus.settled() waits for', async () => {
    const { bus, store, shop } = connected();
    const seen: Promise<number>[] = [];
    bus.subscribe({ paid: () => void seen.push(store.read.count()) }, later);
    shop.tell('paid', { order: 1 });
    expect(seen).toEqual([]);
    await bus.settled();
    expect(await Promise.all(seen)).toEqual([1]);
  });

  it('hears once the log is back', async () => {
    const log = memoryLog();
    const append = log.append.bind(log);
    let isAway = true;
    log.append = (appends) =>
      isAway ? Promise.reject(new LogUnavailable(new Error('away'))) : append(appends);
    const bus = createBus();
    const paid = jest.fn();
    bus.subscribe({ paid }, later);
    bus.connect(new EventStore({ log }), { events: { paid: Paid } });
    bus.publisher({}).broadcast('paid', { order: 1 });
    await turn();
    expect(paid).not.toHaveBeenCalled();
    isAway = false;
    await bus.settled();
    expect(paid).toHaveBeenCalledTimes(1);
  });

  it('waits for an asynchronous validator, and does not hear what it refuses', async () => {
    const order = z.object({ order: z.number().refine(async (nth) => nth > 1) });
    class Checked extends defineEvent('Checked', order) {}
    const { bus, shop, errors, heard, ear } = connected({ events: { paid: Checked } });
    bus.subscribe(ear('a'), later);
    shop.tell('paid', { order: 1 }).tell('paid', { order: 2 });
    await bus.settled();
    expect(heard).toEqual([['a', 2]]);
    expect(errors).toEqual([expect.objectContaining({ code: 'recording_failed' })]);
  });

  it('never hears what could not be recorded, while inline listeners have; bus.onError is told', async () => {
    const { bus, shop, errors, inTransaction } = connected({});
    const [inline, waiting] = [jest.fn(), jest.fn()];
    bus.subscribe({ opened: inline }).subscribe({ opened: waiting }, later);
    shop.tell('opened', () => 'a function');
    await inTransaction(() => shop.tell('opened', () => 'a function'));
    await bus.settled();
    expect([inline.mock.calls.length, waiting.mock.calls.length]).toEqual([2, 0]);
    expect(errors.map((error) => (error as InvalidArgument).code)).toEqual([
      'recording_failed',
      'recording_failed',
    ]);
  });

  it('stays silent when what could not be recorded is appended, and hears it once when it is published', async () => {
    const { bus, store, shop, errors } = connected();
    const [inline, waiting, handler] = [jest.fn(), jest.fn(), jest.fn()];
    bus.subscribe({ paid: inline }).subscribe({ paid: waiting }, later);
    store.subscribe(handler, { to: [Paid] });
    const calls = () => [inline, waiting, handler].map(({ mock }) => mock.calls.length);
    shop.tell('paid', { order: (): void => undefined });
    await bus.settled();
    expect(calls()).toEqual([1, 0, 0]);
    expect(String(errors[0])).toContain('`store.append()` only puts the event on record');
    await store.append(new Paid({ order: 1 }));
    await bus.settled();
    expect(calls()).toEqual([1, 0, 0]);
    await store.publish(new Paid({ order: 2 }));
    await bus.settled();
    expect(calls()).toEqual([2, 1, 1]);
  });

  it('is waited for by bus.settled() and by store.close(), with all that it broadcasts', async () => {
    const { bus, store, shop, heard } = connected();
    const paid = async ({ order }: { order: number }) => {
      await turn();
      heard.push(order);
      if (order < 4) shop.tell('paid', { order: order + 1 });
    };
    bus.subscribe({ paid }, later);
    shop.tell('paid', { order: 3 });
    await bus.settled();
    expect(heard).toEqual([3, 4]);
    shop.tell('paid', { order: 1 });
    await store.close();
    expect(heard).toEqual([3, 4, 1, 2, 3, 4]);
  });

  it('may itself wait for bus.settled()', async () => {
    const { bus, store, shop, inTransaction } = connected();
    const counted: number[] = [];
    const paid = async () => {
      shop.tell('shipped');
      await bus.settled();
      counted.push(await store.read.count());
    };
    bus.subscribe({ paid }, later);
    await inTransaction(() => shop.tell('paid', { order: 1 }));
    await bus.settled();
    shop.tell('paid', { order: 2 });
    await bus.settled();
    expect(counted).toEqual([2, 4]);
  });

  it('is waited for by bus.settled() although no store is connected any more', async () => {
    const bus = createBus();
    const heard: string[] = [];
    const opened = async () => {
      await turn();
      heard.push('opened');
    };
    bus.subscribe({ opened }, later);
    bus.publisher({}).broadcast('opened');
    await bus.settled();
    expect(heard).toEqual(['opened']);
  });

  it('hears what is still on its way when the bus is let go', async () => {
    const { store, heard, ear } = connected();
    const bus = createBus();
    bus.subscribe(ear('a'), later);
    const disconnect = bus.connect(store, { events: { paid: Paid } });
    bus.publisher({}).broadcast('paid', { order: 1 });
    disconnect();
    await bus.settled();
    expect(heard).toEqual([['a', 1]]);
  });
});

describe('of a broadcast that is not recorded, a listener after the commit', () => {
  it('hears at once without a store, behind the inline ones, and cannot disturb its publisher', async () => {
    const bus = createBus();
    const errors: Error[] = [];
    bus.onError((error) => errors.push(error));
    const heard: string[] = [];
    const ear = (name: string) => ({ opened: () => void heard.push(name) });
    const broken = {
      async opened() {
        await turn();
        throw new Error('down');
      },
    };
    bus.subscribe(broken, later).subscribe(ear('later'), later).subscribe(ear('inline'));
    bus.publisher({}).broadcast('opened');
    expect(heard).toEqual(['inline', 'later']);
    await bus.settled();
    expect(errors).toEqual([expect.objectContaining({ code: 'listener_failed' })]);
  });

  it('hears at once also when an inline listener throws', () => {
    const bus = createBus();
    const waiting = jest.fn();
    const opened = () => {
      throw new Error('inline');
    };
    bus.subscribe({ opened: waiting }, later).subscribe({ opened });
    expect(() => bus.publisher({}).broadcast('opened', 1)).toThrow('inline');
    expect(waiting.mock.calls).toEqual([[1]]);
  });

  it('waits for the transaction around it all the same', async () => {
    const { bus, store, shop, heard, ear, inTransaction } = connected({ unmapped: 'ignore' });
    bus.subscribe(ear('a'), later);
    const work = inTransaction(async () => {
      shop.tell('paid', { order: 1 });
      return declined();
    });
    await expect(work).rejects.toThrow('declined');
    await inTransaction(async () => {
      shop.tell('paid', { order: 2 });
      await expect(
        inTransaction(() => {
          shop.tell('paid', { order: 3 });
          return declined();
        }),
      ).rejects.toThrow('declined');
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual([['a', 2]]);
    expect(await store.read.count()).toBe(0);
  });

  it('hears it in its place among recorded ones, in no transaction', async () => {
    const { bus, store, shop, inTransaction } = connected({ events: { paid: Paid }, unmapped: 'ignore' });
    const heard: string[] = [];
    const ear = {
      opened: () => {
        heard.push('opened');
        shop.tell('paid', { order: 2 });
      },
      paid: ({ order }: { order: number }) => void heard.push(`paid ${order}`),
      closed: () => void heard.push('closed'),
    };
    bus.subscribe(ear, later);
    await inTransaction(() => shop.tell('paid', { order: 1 }).tell('opened').tell('closed'));
    await bus.settled();
    expect(heard).toEqual(['paid 1', 'opened', 'closed', 'paid 2']);
    expect(await store.read.count()).toBe(2);
  });

  it('hears it at once where no transaction is open', () => {
    const { bus, shop, heard, ear } = connected({ unmapped: 'ignore' });
    bus.subscribe(ear('a'), later);
    shop.tell('paid', { order: 1 });
    expect(heard).toEqual([['a', 1]]);
  });
});

describe('phantoms', () => {
  it('are counted for blocks too, under the event', async () => {
    const { bus, shop, inTransaction } = connected();
    shop.on('paid', 'opened', function note() {});
    shop.on('paid', () => undefined);
    shop.subscribe({ paid: () => undefined }, later);
    const work = inTransaction(() => {
      shop.tell('paid', { order: 1 });
      return declined();
    });
    await expect(work).rejects.toThrow('declined');
    expect(bus.phantoms).toEqual([
      { listener: 'note', method: 'paid', count: 1 },
      { listener: 'anonymous function', method: 'paid', count: 1 },
    ]);
  });

  it('say which listener to move after the commit, and are none then', async () => {
    const { bus, shop, inTransaction } = connected();
    const mailed: number[] = [];
    class ReceiptMailer {
      paid({ order }: { order: number }) {
        mailed.push(order);
      }
    }
    const decline = (order: number) => async () => {
      shop.tell('paid', { order });
      return declined();
    };
    const mailer = new ReceiptMailer();
    bus.subscribe(mailer);
    await expect(inTransaction(decline(1))).rejects.toThrow('declined');
    using printed = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    // #region phantoms
    console.log(bus.phantoms); // [{ listener: 'ReceiptMailer', method: 'paid', count: 1 }]
    // #endregion
    expect(printed.mock.calls).toEqual([[[{ listener: 'ReceiptMailer', method: 'paid', count: 1 }]]]);
    bus.unsubscribe(mailer);
    // #region after-commit
    bus.subscribe(mailer, { deliver: 'after-commit' }); // was: bus.subscribe(mailer)
    // #endregion
    await expect(inTransaction(decline(2))).rejects.toThrow('declined');
    await inTransaction(() => shop.tell('paid', { order: 3 }));
    expect(mailed).toEqual([1, 3]);
    expect(bus.phantoms).toEqual([{ listener: 'ReceiptMailer', method: 'paid', count: 1 }]);
  });
});
