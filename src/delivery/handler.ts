import { describeValue, InvalidArgument } from '../errors/argument-errors.js';
import { InvalidHandler } from '../errors/handler-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import { isEventClass, type EventClass } from '../events/define-event.js';
import type { Event } from '../events/event.js';
import { checkEventName } from '../events/event-name.js';
import type { HandlerContext } from './handler-context.js';
import { handlesOf, type Declaration, type EventOf, type HandlesOptions } from './handles.js';
import { queuedOptionNames, queuedSettings, refuseQueuedOptions } from './queued-options.js';
import type { Phase, Subscription } from './subscription.js';

export type HandlerFunction<E extends Event = Event> = (event: E, context: HandlerContext) => unknown;

/** `handle` is compared like a function, so that it must take every event it is subscribed to. */
export interface HandlerObject<E extends Event = Event> {
  readonly handle: HandlerFunction<E>;
}

/** Made afresh for each event, without arguments. */
export type HandlerClass<E extends Event = Event> = new () => HandlerObject<E>;

/** Makes a handler afresh for each event, such as from a container. */
export interface HandlerFactory<E extends Event = Event> {
  readonly create: () =>
    | HandlerObject<E>
    | HandlerFunction<E>
    | Promise<HandlerObject<E> | HandlerFunction<E>>;
}

export type Handler<E extends Event = Event> =
  | HandlerFunction<E>
  | HandlerObject<E>
  | HandlerClass<E>
  | HandlerFactory<E>;

/** A class that says by `@Handles` or `static handles` what it is for. */
export type DeclaredHandler = new () => object;

export interface SubscribeOptions<
  Target extends EventClass | string = EventClass | string,
> extends HandlesOptions<EventOf<Target>> {
  /** Event classes, or names of event types. At least one. */
  readonly to: Target | readonly Target[];
}

/** Options of a {@link DeclaredHandler}: they go before what it declares. */
export interface DeclaredOptions extends HandlesOptions {
  readonly to?: undefined;
}

/** What a subscriber asks for: its options, else what its class declares. */
export interface Wish {
  readonly eventClasses: readonly EventClass[];
  readonly subscription: Subscription;
}

const handlerOptions = ['run', 'name', ...queuedOptionNames];
const listedOptions = ['to', ...handlerOptions];
const declarable = [...listedOptions, 'method'];

/** @throws {InvalidHandler} {InvalidArgument} {InvalidEventName} */
export function toSubscription(handler: unknown, options: Declaration, scope: 'listed' | 'all'): Wish {
  const declared = handlesOf(handler);
  const merged = { ...declared, ...defined(options) };
  const run = checkPhase(merged.run);
  const known = scope === 'all' ? handlerOptions : listedOptions;
  checkKnownOptions(options, known, scope === 'all' ? "`{ name: 'audit' }`" : '`{ to: [OrderPlaced] }`');
  checkKnownOptions(declared ?? {}, declarable);
  const name = merged.name ?? nameOf(handler);
  const to = scope === 'all' ? undefined : checkTargets(handler, merged.to);
  if (run === 'queued') refuseSharedState(handler);
  else refuseQueuedOptions(merged);
  return {
    eventClasses: (to ?? []).filter(isEventClass),
    subscription: {
      name,
      run,
      queued: run === 'queued' ? queuedSettings(handler, merged) : undefined,
      types: to?.map((target) => (typeof target === 'string' ? target : target.type)),
      handler,
      call: callable(handler, declared?.method ?? 'handle'),
    },
  };
}

function callable(handler: unknown, method: string): Subscription['call'] {
  if (typeof handler === 'function') {
    if (hasMethod(handler.prototype, method)) {
      const Made = handler as new () => Record<string, HandlerFunction>;
      return (event, context) => new Made()[method]?.(event, context);
    }
    if (!isClass(handler)) return (event, context) => handler(event, context);
  } else if (hasMethod(handler, method)) {
    const target = handler;
    return (event, context) => target[method]?.(event, context);
  } else if (hasMethod<() => unknown>(handler, 'create')) {
    return madeBy(handler);
  }
  throw new InvalidHandler(
    handler,
    `${describeValue(handler)} cannot handle events: it is no function and has no method \`${method}\`.`,
    'Pass `async (event, context) => …`, an object with `handle(event, context)`, or a class that has it.',
  );
}

function madeBy(factory: Record<string, () => unknown>): Subscription['call'] {
  return async (event, context) => callable(await factory['create']?.(), 'handle')(event, context);
}

/** One instance for all deliveries would share its fields between events that are handled at the same time. */
function refuseSharedState(handler: unknown): void {
  if (typeof handler !== 'object' || handler === null) return;
  if (hasMethod(handler, 'create') && !hasMethod(handler, 'handle')) return;
  const maker = nameOf(handler);
  const instead = maker === 'anonymous' ? 'the class' : `\`${maker}\``;
  throw new InvalidHandler(
    handler,
    `A queued handler is made afresh for each delivery, and ${describeValue(handler)} is made already.`,
    `Pass ${instead} itself, or a factory: \`{ create: () => new ${maker === 'anonymous' ? 'TheHandler' : maker}(…) }\`.`,
  );
}

function checkTargets(handler: unknown, to: unknown): readonly (EventClass | string)[] {
  if (to === undefined) {
    throw new InvalidArgument(
      'to',
      'a list of event classes',
      to,
      `Write \`subscribe(${nameOf(handler)}, { to: [OrderPlaced] })\`, or use \`subscribeToAll\`.`,
    );
  }
  const targets: readonly unknown[] = Array.isArray(to) ? Array.from<unknown>(to) : [to];
  if (targets.length === 0) throw new InvalidArgument('to', 'a list of at least one event class', to);
  return targets.map((target) => {
    if (typeof target === 'string') return checkEventName(target);
    if (isEventClass(target)) return target;
    throw new InvalidArgument('to', 'a list of event classes or event types', target);
  });
}

function checkPhase(run: unknown = 'after-commit'): Phase {
  if (run === 'after-commit' || run === 'in-transaction' || run === 'queued') return run;
  throw new InvalidArgument('run', "'in-transaction', 'after-commit' or 'queued'", run);
}

function nameOf(handler: unknown): string {
  if (typeof handler === 'function') return ownName(handler);
  const maker: unknown = typeof handler === 'object' && handler !== null ? handler.constructor : undefined;
  return typeof maker === 'function' && maker !== Object ? ownName(maker) : 'anonymous';
}

/** A class may have a static member of this name. */
function ownName({ name }: { readonly name: unknown }): string {
  return typeof name === 'string' && name !== '' ? name : 'anonymous';
}

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function hasMethod<F = HandlerFunction>(value: unknown, method: string): value is Record<string, F> {
  return (
    typeof value === 'object' &&
    value !== null &&
    method in value &&
    typeof Reflect.get(value, method) === 'function'
  );
}

function defined(options: unknown): Declaration {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgument('options', 'an object', options, 'Write `{ to: [OrderPlaced] }`.');
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
