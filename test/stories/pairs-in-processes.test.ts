import { describe, expect, it } from '@jest/globals';
import { PairJudged, type Stage } from 'handover/legacy';
import { createDatabase } from '../support/postgres.js';
import { runInProcess, type TestProcess } from '../support/processes.js';
import { keepMoving } from './paired-moves.js';
import { openShop, OrderPaid, type Shop } from './paired-shop.js';

interface Told {
  readonly stage: Stage;
  readonly rolledBack: readonly string[];
  readonly phantoms: { readonly counted: number; readonly seen: number };
  readonly failures: readonly string[];
}

interface Drained {
  readonly stage: Stage;
  readonly verdicts: Readonly<Record<string, number>>;
}

const patience = 60_000;

/** A database and a process of the test itself, beside which others are started. */
async function operate(stage: Stage, mover = 'nobody') {
  const database = await createDatabase();
  const shop = await openShop(database.url, { stage });
  await shop.store.migrate();
  await shop.orm.schema.create();
  await shop.orm.em.execute('create table performed (side text not null, key text not null)');
  await shop.store.publish(new OrderPaid({ order: 0, key: 'first' }), { stream: 'Order-0' }); // registers the handler
  await shop.booked();
  const program = (name: string, ...args: readonly string[]) =>
    runInProcess(new URL(`./${name}.ts`, import.meta.url), {
      args: [database.url, stage, ...args],
      patience,
    });
  return {
    ...shop,
    publisher: () => program('paired-publisher', mover),
    /** @param held Key of an event with which its handler waits for the first order. */
    worker: ({ failures = 0, held = '' } = {}) => program('paired-worker', String(failures), held, mover),
    async [Symbol.asyncDispose]() {
      await shop.close();
      await database.drop();
    },
  };
}

async function ask<T>(program: TestProcess, order: string): Promise<T> {
  program.send(order);
  for (;;) {
    const line = await program.nextLine();
    const answer = /^(?:drained )?(\{.*\})$/.exec(line)?.[1];
    if (answer !== undefined) return JSON.parse(answer) as T;
  }
}

/** Kills the worker when it has written so many rows, with some of them not committed yet. @returns The next one. */
async function killAfter(rows: number, worker: TestProcess, next: () => TestProcess): Promise<TestProcess> {
  for (let seen = 0; seen < rows;) if ((await worker.nextLine()).startsWith('handled')) seen += 1;
  worker.kill('SIGKILL');
  await worker.exited();
  return next();
}

/** Who has performed each stored event, beside who should have. */
async function performances({ store, orm }: Pick<Shop, 'store' | 'orm'>) {
  const rows = await orm.em
    .fork()
    .execute<{ side: string; key: string }[]>('select side, key from performed');
  const sides = Map.groupBy(rows, ({ key }) => key);
  const events = await store.read.ofType(OrderPaid).toArray();
  const found = events.map(({ data, metadata }) => ({
    key: data.key,
    performed: (sides.get(data.key) ?? []).map(({ side }) => side),
    decided: [(metadata['pairs'] as Record<string, { performs: string }>)['payments']?.performs],
  }));
  const known = new Set(events.map(({ data }) => data.key));
  return { found, strangers: rows.filter(({ key }) => !known.has(key)) };
}

/** How many deliveries needed more than one attempt. */
async function attemptsOf({ orm }: Pick<Shop, 'orm'>): Promise<number | undefined> {
  const retried = 'select count(*)::int as retried from handover.deliveries where attempt > 1';
  const [row] = await orm.em.fork().execute<{ retried: number }[]>(retried);
  return row?.retried;
}

async function verdictsOf({ store, pair }: Pick<Shop, 'store' | 'pair'>) {
  const stored = await store.read.stream(`handover/${pair.name}/verdicts`).ofType(PairJudged).toArray();
  return stored.map(({ data }) => data);
}

describe('the two sides of a pair, in processes of their own', () => {
  // P8. Seen failing with the performer taken from the stage of the moment, in each process.
  it.each(['promotions', 'a flag'] as const)(
    'perform each committed event exactly once, while %s move it, attempts fail and the worker is killed',
    async (mover) => {
      await using operator = await operate('shadow', mover);
      await using publisher = operator.publisher();
      expect(await publisher.nextLine()).toBe('ready');
      let worker = operator.worker({ failures: 0.2 });

      const moving = mover === 'promotions' ? keepMoving(operator.pair) : undefined;
      if (moving !== undefined) await ask(publisher, 'move');
      let rounds = 0;
      const killed = { twice: false };
      const publish = async () => {
        // On until enough was handled, however long the pair stands where its handler has nothing to do.
        for (; rounds < 60 && (rounds < 4 || !killed.twice); rounds += 1)
          await ask(publisher, `publish 100 ${rounds}-`);
      };
      const published = publish();
      worker = await killAfter(20, worker, () => operator.worker({ failures: 0.2 }));
      worker = await killAfter(20, worker, () => operator.worker({ failures: 0.2 }));
      killed.twice = true;
      await published;
      for (; rounds < 60 && (await operator.pair.history()).length < 6; rounds += 1)
        await ask(publisher, `publish 100 ${rounds}-`);
      const told = await ask<Told>(publisher, 'halt');
      await moving?.halt();
      await ask(worker, 'drain');

      const { found, strangers } = await performances(operator);
      expect(found.filter(({ performed, decided }) => String(performed) !== String(decided))).toEqual([]);
      expect(found).toHaveLength(1 + 100 * rounds - told.rolledBack.length);
      expect(strangers).toEqual([]);
      expect(told.phantoms.counted).toBe(told.phantoms.seen);
      expect(new Set(found.flatMap(({ performed }) => performed)).size).toBe(2);
      expect((await operator.pair.history()).length).toBeGreaterThanOrEqual(6);
      expect(await attemptsOf(operator)).toBeGreaterThan(10);
      expect(told.failures.filter((failure) => !failure.startsWith('stage_skipped'))).toEqual([]);
    },
    120_000,
  );

  // P9. Seen failing without the id that a verdict has of its event: two of them counted. Seen failing with a duplicate
  // that refused its batch: no later verdict was stored.
  it('are compared once, also when a handler runs on whose delivery another worker has taken over', async () => {
    await using operator = await operate('shadow');
    await using slow = operator.worker({ held: 'slow-3' });
    expect(await slow.nextLine()).toMatch(/^(working|handled first)$/);
    await using publisher = operator.publisher();
    expect(await publisher.nextLine()).toBe('ready');
    const published = ask<Told>(publisher, 'publish 3 slow-');
    for (let line = ''; line !== 'handled slow-3';) line = await slow.nextLine();
    slow.kill('SIGSTOP');
    await published;
    await using other = operator.worker();
    await ask(other, 'drain');
    expect(await verdictsOf(operator)).toHaveLength(2);
    slow.kill('SIGCONT');
    await ask(slow, 'drain');
    expect((await verdictsOf(operator)).map(({ verdict }) => verdict)).toEqual(['match', 'match']);

    other.kill();
    await other.exited();
    await ask<Told>(publisher, 'publish 3 later-');
    await ask(slow, 'drain');
    expect(await verdictsOf(operator)).toHaveLength(3);
  }, 60_000);

  it('meet across processes: what the listener did reaches the handler, and none is missing', async () => {
    await using operator = await operate('shadow');
    await using publisher = operator.publisher();
    expect(await publisher.nextLine()).toBe('ready');
    let worker = operator.worker();
    const published = ask<Told>(publisher, 'publish 200 a-');
    worker = await killAfter(30, worker, () => operator.worker());
    await published;
    await ask(worker, 'drain');
    const told = await ask<Told>(publisher, 'publish 100 b-');
    const { verdicts } = await ask<Drained>(worker, 'drain');

    const judged = await verdictsOf(operator);
    const counts = Map.groupBy(judged, ({ eventId }) => eventId);
    expect([...counts.values()].filter((each) => each.length > 1)).toEqual([]);
    expect(Object.keys(verdicts)).toEqual(['match']);
    const events = await operator.store.read.ofType(OrderPaid).toArray();
    // Those that the killed worker had not stored yet are lost, no others.
    const unjudged = events.filter(({ id }) => !counts.has(id)).map(({ data }) => data.key);
    expect(unjudged.filter((key) => key.startsWith('b-'))).toEqual([]);
    expect(unjudged.length).toBeLessThan(60);
    expect(told.phantoms.counted).toBe(told.phantoms.seen);
    const { strangers } = await performances(operator);
    expect(strangers).toEqual([]);
  }, 60_000);
});

describe('operators of one pair', () => {
  // Seen failing with the ledger read again before the write: both moves were written.
  it('cannot both move it: one wins, the other is told who was first, and every process follows', async () => {
    await using operator = await operate('shadow');
    await using publisher = operator.publisher();
    expect(await publisher.nextLine()).toBe('ready');
    const database = operator.orm.config.get('clientUrl') ?? '';
    const other = await openShop(database, { stage: 'shadow' });
    await other.pair.ready();
    const options = { override: true, why: 'it is time', percent: 100 };
    const results = await Promise.allSettled([
      operator.pair.promote({ ...options, who: 'ann' }),
      other.pair.promote({ ...options, who: 'bob' }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const winner = results[0]?.status === 'fulfilled' ? 'ann' : 'bob';
    const [reason] = results.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
    expect(reason).toMatchObject({ code: 'moved_meanwhile', now: { stage: 'live', percent: 100 } });
    expect(reason?.message).toContain(`is at live 100 % now: ${winner} was first`);
    expect([operator.pair.stage, other.pair.stage]).toEqual(['live', 'live']);
    expect(await operator.pair.history()).toHaveLength(1);
    await expectStage(publisher, 'live');

    const back = { to: 'legacy', why: 'both in a hurry' } as const;
    await Promise.allSettled([operator.pair.promote(options), other.pair.demote(back)]);
    expect(other.pair.stage).toBe('legacy');
    await expectStage(publisher, 'legacy');
    await other.close();
  }, 60_000);
});

async function expectStage(program: TestProcess, stage: Stage): Promise<void> {
  const deadline = performance.now() + 10_000;
  let told = await ask<Told>(program, 'tell');
  while (told.stage !== stage && performance.now() < deadline) told = await ask<Told>(program, 'tell');
  expect(told.stage).toBe(stage);
}
