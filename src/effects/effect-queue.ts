import { InvalidArgument } from '../errors/argument-errors.js';
import { effectPort } from './effect-port.js';
import { outsideScopes } from './effect-scope.js';
import { comparableIn, isHeldBack } from './held-back.js';

/** What a queue needs to have: BullMQ's `Queue` does. */
export interface JobQueue {
  readonly name: string;
  add(name: string, data: never, options?: never): Promise<unknown>;
}

interface Job {
  readonly name: string;
  readonly data: unknown;
  readonly opts?: unknown;
}

/** Reading, listening and closing: nothing that anybody else can see. To take a job is none of it. */
const harmless =
  /^(get(?!Next)|count|is|has|to|waitUntil)($|[A-Z])|^(on|once|off|close|disconnect)$|(^l|L)isteners?$|^listenerCount$/;

/**
 * Puts a queue in front of `queue` whose jobs are effects: noted, and in a captured run not added. Whatever else it
 * does to the queue, such as `pause`, is a call on the port `queue <name>`. Everywhere else it behaves as `queue` does.
 *
 * @throws {InvalidArgument}
 */
export function effectQueue<T extends JobQueue>(queue: T): T {
  if (typeof queue !== 'object' || queue === null || typeof queue.name !== 'string' || !('add' in queue)) {
    throw new InvalidArgument(
      'queue',
      'a queue with a `name` and an `add`',
      queue,
      'Write `effectQueue(new Queue(…))`.',
    );
  }
  const others = effectPort<object>(`queue ${queue.name}`, queue);
  return new Proxy(queue, {
    set: (_, key, value) => Reflect.set(others, key, value),
    defineProperty: (_, key, descriptor) => Reflect.defineProperty(others, key, descriptor),
    deleteProperty: (_, key) => Reflect.deleteProperty(others, key),
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return Reflect.get(others, key, others) as unknown;
      const call = (args: readonly unknown[]): unknown =>
        outsideScopes((): unknown => Reflect.apply(member, target, args));
      if (key === 'add') return adding(target.name, call);
      if (key === 'addBulk') return addingMany(target.name, call);
      if (typeof key === 'string' && harmless.test(key)) return (...args: unknown[]): unknown => call(args);
      return Reflect.get(others, key, others) as unknown;
    },
  });
}

type Call = (args: readonly unknown[]) => unknown;

function adding(queue: string, call: Call) {
  return (...args: readonly unknown[]): unknown => {
    const [name, data, opts] = args;
    const job = { name: String(name), data, opts };
    return areHeldBack(queue, [job]) ? Promise.resolve(standIn(queue, job)) : call(args);
  };
}

function addingMany(queue: string, call: Call) {
  return (...args: readonly unknown[]): unknown => {
    const [given] = args;
    const jobs = Array.isArray(given) ? (given as readonly Job[]) : [];
    if (!areHeldBack(queue, jobs)) return call(args);
    return Promise.resolve(jobs.map((job) => standIn(queue, job)));
  };
}

function areHeldBack(queue: string, jobs: readonly Job[]): boolean {
  return isHeldBack(`${queue}.add`, (scope) =>
    jobs.map(({ name, data = null, opts = null }) => {
      const [ofData, options] = comparableIn(scope, [data, opts]);
      return { kind: 'job', queue, name, data: ofData, options };
    }),
  );
}

/** In place of the job that was not added. */
function standIn(queueName: string, { name, data, opts }: Job): object {
  const id: unknown = typeof opts === 'object' && opts !== null ? Reflect.get(opts, 'jobId') : undefined;
  return { id, name, data, opts: opts ?? {}, queueName };
}
