import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { type EventLog, EventStore, type Scheduler, type Worker, type WorkOptions } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

const Receipt = defineEntity({
  name: 'QueuedReceipt',
  tableName: 'queued_receipt',
  properties: { id: p.string().primary() },
});

export interface OpenedStore {
  readonly store: EventStore;
  readonly errors: unknown[];
}

/** A database for a test file; what a test opens in it is closed after the test. */
export class Workshop {
  #orm: MikroORM | undefined;
  #database: TestDatabase | undefined;
  readonly #stores: EventStore[] = [];

  constructor() {
    beforeAll(() => this.#open());
    afterEach(() => this.closeStores());
    afterAll(() => this.#close());
  }

  get orm(): MikroORM {
    if (this.#orm === undefined) throw new Error('The workshop is not open yet.');
    return this.#orm;
  }

  get url(): string {
    return this.#database?.url ?? '';
  }

  get log(): EventLog {
    return mikroOrmLog(this.orm);
  }

  store(scheduler: Scheduler | undefined, log: EventLog = this.log): OpenedStore {
    const store = new EventStore({ log, scheduler });
    const errors: unknown[] = [];
    store.onError((error) => errors.push(error));
    this.#stores.push(store);
    return { store, errors };
  }

  /** Of handlers that write: in their own transaction, not unique, so that a second effect shows. */
  async leaveReceipt(id: string): Promise<void> {
    await this.orm.em.getContext().execute('insert into queued_receipt values (?)', [id]);
  }

  async receipts(like: string): Promise<readonly string[]> {
    const rows = await this.orm.em
      .fork()
      .execute<{ id: string }[]>('select id from queued_receipt where id like ? order by id', [`${like}%`]);
    return rows.map(({ id }) => id);
  }

  async closeStores(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store.close()));
  }

  async #open(): Promise<void> {
    this.#database = await createDatabase();
    this.#orm = await MikroORM.init({
      ...ignoreHandoverSchema(),
      entities: [Receipt],
      clientUrl: this.#database.url,
      pool: { max: 40 },
    });
    await mikroOrmLog(this.#orm).migrate();
    await this.#orm.em.fork().execute('create table queued_receipt (id text not null)');
  }

  async #close(): Promise<void> {
    await this.#orm?.close(true);
    await this.#database?.drop();
  }
}

/** Works until nothing is left, and no attempt waits for its time either. */
export async function workedOff(
  worker: Worker,
  isDone: () => boolean | Promise<boolean>,
  rounds = 2_000,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await worker.idle();
    if (await isDone()) return;
  }
  throw new Error(`Not done after ${rounds} rounds.`);
}

/** Leases run out soon, so that what is lost comes back within a test. */
export const shortLeases: WorkOptions = { leaseFor: 1_500, pollEvery: 200 };

/** A handler's way to be held up, and let go. */
export class Gate {
  readonly #open = Promise.withResolvers<void>();
  readonly #arrivals: string[] = [];
  #changed = Promise.withResolvers<void>();

  /** Who has come to it, in their order. */
  get arrivals(): readonly string[] {
    return this.#arrivals;
  }

  async pass(name: string): Promise<void> {
    this.#arrivals.push(name);
    this.#changed.resolve();
    await this.#open.promise;
  }

  async untilArrived(count: number): Promise<void> {
    while (this.#arrivals.length < count) {
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
  }

  open(): void {
    this.#open.resolve();
  }
}
