import type { ConnectionOptions, QueueOptions, WorkerOptions } from 'bullmq';
import { checkKnownOptions, type Event, InvalidArgument } from '../../src/index.js';

type PassedOn =
  | 'concurrency'
  | 'limiter'
  | 'drainDelay'
  | 'lockDuration'
  | 'maximumRateLimitDelay'
  | 'metrics'
  | 'name'
  | 'removeOnComplete'
  | 'removeOnFail'
  | 'stalledInterval'
  | 'telemetry';

/** Options of BullMQ's own Worker and Queue. */
export interface BullmqQueueOptions extends Pick<WorkerOptions, PassedOn>, Pick<QueueOptions, 'streams'> {}

/** The moment that a firing stands for; the same in every process. */
export interface CronSlot {
  readonly name: string;
  readonly at: Date;
}

/** An event that is published again and again. */
export interface BullmqCron {
  /** Five or six fields, such as `0 7 * * 1-5`. */
  readonly pattern?: string | undefined;
  /** Milliseconds, in place of a pattern. */
  readonly every?: number | undefined;
  /** Of the pattern, such as `Europe/Vienna`. Default: that of the process. */
  readonly tz?: string | undefined;
  /** Makes the event. Its id is replaced by one of the slot, so that a slot is recorded once. */
  readonly event: (slot: CronSlot) => Event;
  readonly stream?: string | undefined;
}

export interface BullmqSchedulerOptions {
  /**
   * Redis: a URL, options of ioredis, or an instance of it, which is left open. The server needs
   * `maxmemory-policy noeviction`.
   */
  readonly connection?: string | ConnectionOptions | undefined;
  /** PostgreSQL in place of Redis: a connection string, or a pool of pg that says where. It gets connections of its own. */
  readonly postgres?: string | object | undefined;
  /** On PostgreSQL, the schema of BullMQ's tables, which it creates itself; default `bullmq`. */
  readonly schema?: string | undefined;
  /** Before each key in Redis; default `bull`. */
  readonly prefix?: string | undefined;
  /** The queue of handlers that name none; default `handover`. */
  readonly queue?: string | undefined;
  /** By the name of a queue. */
  readonly queues?: Readonly<Record<string, BullmqQueueOptions>> | undefined;
  /** Milliseconds that handing over may take before deliveries go back to the log; default 2 000. */
  readonly enqueueTimeout?: number | undefined;
  /** By a name of your own, which is kept for ever. */
  readonly cron?: Readonly<Record<string, BullmqCron>> | undefined;
}

export interface BullmqSettings extends BullmqSchedulerOptions {
  readonly queue: string;
  readonly queues: Readonly<Record<string, BullmqQueueOptions>>;
  readonly enqueueTimeout: number;
  readonly cron: Readonly<Record<string, BullmqCron>>;
}

const example = '`bullmqScheduler({ connection })`';
const schedulerOptions = [
  'connection',
  'postgres',
  'schema',
  'prefix',
  'queue',
  'queues',
  'enqueueTimeout',
  'cron',
];
const queueOptions = [
  'concurrency',
  'limiter',
  'drainDelay',
  'lockDuration',
  'maximumRateLimitDelay',
  'metrics',
  'name',
  'removeOnComplete',
  'removeOnFail',
  'stalledInterval',
  'streams',
  'telemetry',
];
const queueName = /^[a-z][a-z0-9_.-]{0,99}$/i;
const cronName = /^[a-z][a-z0-9_.-]{0,199}$/i;
const schemaName = /^[a-z_][a-z0-9_]{0,40}$/;

/** @throws {InvalidArgument} */
export function settingsFrom(options: unknown): BullmqSettings {
  checkKnownOptions(options, schedulerOptions, example);
  const given = options as BullmqSchedulerOptions;
  const { queue = 'handover', queues = {}, enqueueTimeout = 2_000, cron = {} } = given;
  checkPlace(given);
  checkText('queue', queue, queueName);
  checkText('prefix', given.prefix, /^[^\0]{1,100}$/);
  checkText('schema', given.schema, schemaName);
  checkWhole('enqueueTimeout', enqueueTimeout);
  for (const [name, own] of entriesOf('queues', queues)) {
    checkText('queues', name, queueName);
    checkKnownOptions(own, queueOptions, '`queues: { mails: { limiter: { max: 10, duration: 1_000 } } }`');
    const { concurrency } = own as BullmqQueueOptions;
    if (concurrency !== undefined) checkWhole(`queues.${name}.concurrency`, concurrency);
  }
  for (const [name, own] of entriesOf('cron', cron)) checkCron(name, own);
  return { ...given, queue, queues, enqueueTimeout, cron };
}

function checkPlace({ connection, postgres }: BullmqSchedulerOptions): void {
  for (const [name, value] of Object.entries({ connection, postgres })) {
    const isPlace =
      (typeof value === 'string' && value !== '') || (typeof value === 'object' && value !== null);
    if (value !== undefined && !isPlace) {
      throw new InvalidArgument(name, 'a URL or an object', value, `Write ${example}.`);
    }
  }
  if ((connection === undefined) === (postgres === undefined)) {
    throw new InvalidArgument(
      'connection',
      'given, or `postgres` in its place',
      connection,
      'Write `bullmqScheduler({ connection: process.env.REDIS_URL })` or `bullmqScheduler({ postgres: pool })`.',
    );
  }
}

function checkCron(name: string, own: unknown): void {
  checkText('cron', name, cronName);
  checkKnownOptions(own, ['pattern', 'every', 'tz', 'event', 'stream'], "`{ pattern: '0 7 * * *', event }`");
  const { pattern, every, event } = own as BullmqCron;
  if ((pattern === undefined) === (every === undefined)) {
    throw new InvalidArgument(`cron.${name}.pattern`, 'given, or `every` in its place', pattern);
  }
  if (every !== undefined) checkWhole(`cron.${name}.every`, every);
  if (typeof event !== 'function') {
    throw new InvalidArgument(`cron.${name}.event`, 'a function that makes an event', event);
  }
}

function entriesOf(name: string, value: unknown): readonly (readonly [string, unknown])[] {
  if (typeof value === 'object' && value !== null) return Object.entries(value);
  throw new InvalidArgument(name, 'an object by name', value);
}

function checkText(name: string, value: unknown, form: RegExp): void {
  if (value === undefined || (typeof value === 'string' && form.test(value))) return;
  throw new InvalidArgument(name, `text of the form ${form.source}`, value);
}

function checkWhole(name: string, value: unknown): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return;
  throw new InvalidArgument(name, 'a whole number from 1', value);
}
