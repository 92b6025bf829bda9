import { AsyncLocalStorage } from 'node:async_hooks';
import { describe as everywhere, expect, it } from '@jest/globals';
import { defineEvent, type Event, HandlerTimedOut, type Scheduler } from 'handover';
import { Gate, workedOff, type Workshop } from './workshop.js';

export interface QueuedWorkSubject {
  readonly name: string;
  readonly describe?: typeof everywhere | typeof everywhere.skip;
  readonly workshop: Workshop;
  /** The schedulers of one test, as of several processes, bring work to each other. */
  readonly open: () => () => Scheduler | undefined;
}

let made = 0;

/** What queued handlers may rely on, whatever brings them their deliveries. */
export function queuedWork({ name, describe = everywhere, workshop, open }: QueuedWorkSubject): void {
  /** An event class and a handler name that no other test has. */
  const anew = () => {
    made += 1;
    class Noted extends defineEvent<{ note: number; key?: string }>(`Noted${made}`) {}
    const queued = { to: [Noted], run: 'queued', name: `handler-${made}`, backoff: 1 } as const;
    const noted = (count: number) => Array.from({ length: count }, (_, note) => new Noted({ note }));
    return { Noted, queued, noted };
  };

  describe(`queued handlers, ${name}`, () => {
    it('get each event once', async () => {
      const { queued, noted } = anew();
      const { store, errors } = workshop.store(open()());
      const heard: string[] = [];
      for (const each of ['a', 'b']) {
        const handler = (event: Event) => void heard.push(`${each} ${event.id}`);
        store.subscribe(handler, { ...queued, name: `${queued.name}.${each}`, effects: 'external' });
      }
      await using worker = await store.work({ concurrency: 20 });
      const events = noted(120);
      await Promise.all(events.map((event) => store.publish(event)));
      await worker.idle();
      const expected = events.flatMap(({ id }) => [`a ${id}`, `b ${id}`]);
      expect(heard.toSorted()).toEqual(expected.toSorted());
      expect(errors).toEqual([]);
    });

    it('get what was published before any worker was there, and by those who never loaded them', async () => {
      const { queued, noted } = anew();
      const scheduler = open();
      const { store } = workshop.store(scheduler());
      const heard: string[] = [];
      store.subscribe(({ id }) => heard.push(id), { ...queued, effects: 'external' });
      const [first, second] = noted(2) as [Event, Event];
      await store.publish(first);
      await using worker = await store.work();
      await workedOff(worker, () => heard.length >= 1);
      await workshop.store(scheduler()).store.publish(second);
      await workedOff(worker, () => heard.length >= 2);
      expect(heard).toEqual([first.id, second.id]);
    });

    it('are tried again until they succeed, with each attempt counted', async () => {
      const { queued, noted } = anew();
      const { store, errors } = workshop.store(open()());
      const attempts: number[] = [];
      store.subscribe(
        (_, { attempt }) => {
          attempts.push(attempt);
          if (attempt < 4) throw new Error('not yet');
        },
        { ...queued, effects: 'external' },
      );
      await using worker = await store.work();
      const [event] = noted(1) as [Event];
      await store.publish(event);
      await workedOff(worker, () => attempts.length === 4);
      await worker.idle();
      expect(attempts).toEqual([1, 2, 3, 4]);
      expect((await workshop.log.deliveries?.fatesOf(event.id))?.[0]).toMatchObject({
        state: 'done',
        attempt: 4,
        firstError: { message: 'not yet' },
      });
      expect(errors).toEqual([]);
    });

    it('that keep failing leave a dead letter, which runs again when it is retried', async () => {
      const { queued, noted } = anew();
      const { store, errors } = workshop.store(open()());
      let mended = false;
      const heard: string[] = [];
      const handler = ({ id }: Event) => {
        if (!mended) throw new Error('broken');
        heard.push(id);
      };
      store.subscribe(handler, { ...queued, attempts: 2, effects: 'external' });
      await using worker = await store.work();
      const [event] = noted(1) as [Event];
      await store.publish(event);
      const dead = () => store.deadLetters.list({ handler: queued.name });
      await workedOff(worker, async () => (await dead()).length === 1);
      expect(await dead()).toMatchObject([{ eventId: event.id, attempt: 2 }]);
      expect(errors).toMatchObject([{ code: 'handler_failed' }]);
      mended = true;
      await store.deadLetters.retry({ handler: queued.name });
      await worker.idle();
      expect(heard).toEqual([event.id]);
    });

    it('that do not end in time are told so, and tried again', async () => {
      const { queued, noted } = anew();
      const { store } = workshop.store(open()());
      const reasons: unknown[] = [];
      const handler = (_: Event, { attempt, signal }: { attempt: number; signal: AbortSignal }) => {
        if (attempt > 1) return undefined;
        return new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            resolve();
          });
        });
      };
      store.subscribe(handler, { ...queued, timeout: 50, effects: 'external' });
      await using worker = await store.work();
      const [event] = noted(1) as [Event];
      await store.publish(event);
      const fate = async () => (await workshop.log.deliveries?.fatesOf(event.id))?.[0];
      await workedOff(worker, async () => (await fate())?.state === 'done');
      expect(await fate()).toMatchObject({ attempt: 2, lastError: { name: 'HandlerTimedOut' } });
      expect(reasons).toEqual([expect.any(HandlerTimedOut)]);
    });

    // H8
    it('leave each row once, though attempts fail after writing', async () => {
      const { queued, noted } = anew();
      const scheduler = open();
      const failed = new Set<string>();
      const workers = [];
      for (const { store } of [workshop.store(scheduler()), workshop.store(scheduler())]) {
        store.subscribe(async ({ id, data }) => {
          await workshop.leaveReceipt(`${queued.name} ${id}`);
          if (data.note % 4 !== 0 || failed.has(id)) return;
          failed.add(id);
          throw new Error('once');
        }, queued);
        workers.push({ store, worker: await store.work({ concurrency: 8 }) });
      }
      const [first] = workers;
      const events = noted(60);
      await Promise.all(events.map(async (event) => first?.store.publish(event)));
      const receipts = () => workshop.receipts(`${queued.name} `);
      for (const { worker } of workers) await workedOff(worker, async () => (await receipts()).length >= 60);
      expect(failed.size).toBe(15);
      expect(await receipts()).toEqual(events.map(({ id }) => `${queued.name} ${id}`).toSorted());
    });

    it('keep the order of their keys, and a key that fails holds up no other', async () => {
      const { Noted, queued } = anew();
      const { store } = workshop.store(open()());
      const heard = new Map<string, number[]>();
      let failures = 0;
      store.subscribe(
        ({ data: { key = '', note } }, { attempt }) => {
          if (key === 'k0' && note === 2 && attempt < 3) {
            failures += 1;
            throw new Error('not yet');
          }
          heard.set(key, [...(heard.get(key) ?? []), note]);
        },
        { ...queued, orderedBy: (event) => event.data.key ?? '', effects: 'external' },
      );
      await using worker = await store.work({ concurrency: 10 });
      const events = Array.from(
        { length: 30 },
        (_, nth) => new Noted({ note: Math.floor(nth / 3), key: `k${nth % 3}` }),
      );
      await store.publish(events);
      await workedOff(worker, () => [...heard.values()].flat().length === 30);
      const inOrder = Array.from({ length: 10 }, (_, note) => note);
      expect(Object.fromEntries(heard)).toEqual({ k0: inOrder, k1: inOrder, k2: inOrder });
      expect(failures).toBe(2);
    });

    it('run no more at once than they and their worker allow, and hold up nobody else', async () => {
      const { queued, noted } = anew();
      const { store } = workshop.store(open()());
      const most = { slow: 0, all: 0 };
      const running = { slow: 0, all: 0 };
      const counted = async (kind: 'slow' | 'quick', work: () => Promise<void> | void) => {
        running.all += 1;
        running.slow += kind === 'slow' ? 1 : 0;
        most.all = Math.max(most.all, running.all);
        most.slow = Math.max(most.slow, running.slow);
        await work();
        running.all -= 1;
        running.slow -= kind === 'slow' ? 1 : 0;
      };
      const gate = new Gate();
      const quick = Promise.withResolvers<void>();
      let heard = 0;
      store.subscribe(({ id }) => counted('slow', () => gate.pass(id)), {
        ...queued,
        name: `${queued.name}.slow`,
        concurrency: 2,
        effects: 'external',
      });
      store.subscribe(
        () =>
          counted('quick', async () => {
            await Promise.resolve();
            heard += 1;
            if (heard === 40) quick.resolve();
          }),
        { ...queued, name: `${queued.name}.quick`, effects: 'external' },
      );
      await using worker = await store.work({ concurrency: 4 });
      await store.publish(noted(40));
      await quick.promise;
      await gate.untilArrived(2);
      expect(running.slow).toBe(2);
      gate.open();
      await worker.idle();
      expect(gate.arrivals).toHaveLength(40);
      expect(most.slow).toBe(2);
      expect(most.all).toBeLessThanOrEqual(4);
    });

    // H11
    it('give back what they have begun when their worker stops, and others take it', async () => {
      const { queued, noted } = anew();
      const scheduler = open();
      const held = new Gate();
      const { store } = workshop.store(scheduler());
      store.subscribe(({ id }) => held.pass(id), { ...queued, effects: 'external' });
      const worker = await store.work({ concurrency: 2, grace: 0 });
      const events = noted(5);
      await store.publish(events);
      await held.untilArrived(2);
      await worker.stop();
      const attempts: number[] = [];
      const { store: other } = workshop.store(scheduler());
      other.subscribe((_, { attempt }) => attempts.push(attempt), { ...queued, effects: 'external' });
      await using taking = await other.work({ concurrency: 2 });
      await taking.idle();
      expect(attempts).toEqual([1, 1, 1, 1, 1]);
      held.open();
    });

    it('share the work with those of other stores', async () => {
      const { queued, noted } = anew();
      const scheduler = open();
      const gate = new Gate();
      const heard: [string[], string[]] = [[], []];
      const workers = [];
      for (const own of heard) {
        const { store } = workshop.store(scheduler());
        const handler = async ({ id }: Event) => {
          own.push(id);
          await gate.pass(id);
        };
        store.subscribe(handler, { ...queued, effects: 'external' });
        workers.push({ store, worker: await store.work({ concurrency: 3 }) });
      }
      const events = noted(30);
      await workers[0]?.store.publish(events);
      await gate.untilArrived(6);
      expect(heard.map((own) => own.length)).toEqual([3, 3]);
      gate.open();
      for (const { worker } of workers) await workedOff(worker, () => heard.flat().length >= 30);
      expect(heard.flat().toSorted()).toEqual(events.map(({ id }) => id).toSorted());
    });

    it('of a queue run where that queue is worked on, and nowhere else', async () => {
      const { queued, noted } = anew();
      const scheduler = open();
      const heard: string[] = [];
      const workers = [];
      for (const queue of ['mails', 'reports']) {
        const { store } = workshop.store(scheduler());
        for (const own of ['mails', 'reports']) {
          const handler = () => void heard.push(`${own} on ${queue}`);
          store.subscribe(handler, {
            ...queued,
            name: `${queued.name}.${own}`,
            queue: own,
            effects: 'external',
          });
        }
        workers.push({ store, worker: await store.work({ queues: [queue] }) });
      }
      await workers[0]?.store.publish(noted(3));
      for (const { worker } of workers) await workedOff(worker, () => heard.length >= 6);
      const each = ['mails on mails', 'reports on reports'];
      expect(heard.toSorted()).toEqual(each.flatMap((one) => [one, one, one]));
    });

    it('are taken up when they are subscribed while a worker works', async () => {
      const { queued, noted } = anew();
      const { store } = workshop.store(open()());
      await using worker = await store.work();
      await worker.idle();
      const heard: string[] = [];
      store.subscribe(({ id }) => heard.push(id), { ...queued, queue: 'later', effects: 'external' });
      const [event] = noted(1) as [Event];
      await store.publish(event);
      await worker.idle();
      expect(heard).toEqual([event.id]);
    });

    // H18
    it('see neither the async context nor the transaction of who publishes or begins to work', async () => {
      const { queued, noted } = anew();
      const { store } = workshop.store(open()());
      const context = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      store.subscribe(() => seen.push(context.getStore(), workshop.log.transactions?.current()), {
        ...queued,
        effects: 'external',
      });
      await using worker = await context.run('worker', () => store.work());
      await context.run('request', () => workshop.orm.em.fork().transactional(() => store.publish(noted(1))));
      await worker.idle();
      expect(seen).toEqual([undefined, undefined]);
    });

    it('publish further events as their effects, each named after its cause', async () => {
      const { Noted, queued, noted } = anew();
      const { store } = workshop.store(open()());
      const further = anew();
      store.subscribe(async ({ data }) => {
        await store.publish(new further.Noted({ note: data.note }));
      }, queued);
      const heard: string[] = [];
      store.subscribe(({ metadata }) => heard.push(metadata.causationId ?? ''), {
        ...further.queued,
        effects: 'external',
      });
      await using worker = await store.work();
      const events = noted(10);
      await store.publish(events);
      await worker.idle();
      expect(heard.toSorted()).toEqual(events.map(({ id }) => id).toSorted());
      expect(await store.read.ofType(Noted).count()).toBe(10);
    });
  });
}
