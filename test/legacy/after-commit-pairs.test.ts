import { describe, expect, it } from '@jest/globals';
import { defineEvent, effectPort, EventStore, memoryLog } from 'handover';
import { createBus, PairJudged, type Stage } from 'handover/legacy';

class Paid extends defineEvent<{ order: number }>('Paid') {}
class Thanked extends defineEvent<{ order: number }>('Thanked') {}

interface Options {
  readonly stage: Stage;
  readonly run?: 'queued';
  readonly percent?: number;
}

/** A pair whose listener waits for the commit; both sides send, broadcast and are noted. */
function paired({ stage, run, percent }: Options) {
  const sent: string[] = [];
  const thanked: number[] = [];
  const mails = effectPort('mails', {
    send: (order: number, by: string) => void sent.push(`${by} ${order}`),
  });
  const log = memoryLog();
  const store = new EventStore({ log });
  const bus = createBus();
  const errors: unknown[] = [];
  bus.onError((error) => errors.push(error));
  const publisher = bus.publisher({});
  const listener = {
    async paid({ order }: { order: number }) {
      await Promise.resolve();
      mails.send(order, 'mail');
      publisher.broadcast('thanked', { order });
    },
  };
  bus.subscribe(listener, { deliver: 'after-commit' });
  bus.subscribe(
    { thanked: ({ order }: { order: number }) => thanked.push(order) },
    { deliver: 'after-commit' },
  );
  let handled = 0;
  const pair = bus.pair('thanks', {
    event: Paid,
    listener: [listener, 'paid'],
    handler: ({ data }: Paid) => {
      handled += 1;
      mails.send(data.order, 'mail');
      publisher.broadcast('thanked', { order: data.order });
    },
    subscribe: run === undefined ? {} : { run, name: 'thanks' },
    stage,
    percent,
  });
  bus.connect(store, {
    events: {
      paid: { event: Paid, stream: ({ order }) => `Order-${order}`, args: ({ data }) => [data] },
      thanked: Thanked,
    },
  });
  const pay = (order: number, fails = false) =>
    log.transactions
      ?.run(async () => {
        publisher.broadcast('paid', { order });
        if (fails) throw new Error('declined');
      })
      .catch(() => undefined);
  const verdicts = async () => {
    await bus.settled();
    const judged = await store.read.ofType(PairJudged).toArray();
    return judged.map(({ data }) => data.verdict);
  };
  return { bus, store, pair, pay, publisher, sent, thanked, verdicts, errors, handled: () => handled };
}

describe('a pair whose listener waits for the commit', () => {
  it('compares what the listener did then with the handler, of what committed alone', async () => {
    const { pay, publisher, sent, thanked, verdicts, pair, errors } = paired({ stage: 'shadow' });
    await pay(1);
    await pay(2, true);
    publisher.broadcast('paid', { order: 3 });
    expect(await verdicts()).toEqual(['match', 'match']);
    expect(sent).toEqual(['mail 1', 'mail 3']);
    expect(thanked).toEqual([1, 3]);
    expect([pair.phantoms, errors]).toEqual([0, []]);
  });

  it('compares it with a handler that is queued', async () => {
    const { store, pay, sent, verdicts } = paired({ stage: 'shadow', run: 'queued' });
    await using worker = await store.work();
    await pay(1);
    await worker.idle();
    expect(await verdicts()).toEqual(['match']);
    expect(sent).toEqual(['mail 1']);
  });

  it('keeps the listener captured where the handler performs', async () => {
    const { pay, publisher, sent, thanked, verdicts, handled } = paired({ stage: 'live', percent: 100 });
    await pay(1);
    publisher.broadcast('paid', { order: 2 });
    expect(await verdicts()).toEqual(['match', 'match']);
    expect([sent, thanked, handled()]).toEqual([['mail 1', 'mail 2'], [1, 2], 2]);
  });
});
