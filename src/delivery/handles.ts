import { InvalidArgument } from '../errors/argument-errors.js';
import { isEventClass, type EventClass } from '../events/define-event.js';
import type { Event } from '../events/event.js';
import type { QueuedOptions } from './queued-options.js';

// oxlint-disable-next-line typescript/no-explicit-any -- a handler of any event fits
export interface HandlesOptions<E extends Event = any> extends QueuedOptions<E> {
  /** Default `'after-commit'`. */
  readonly run?: 'in-transaction' | 'after-commit' | 'queued' | undefined;
  /**
   * Shown in errors. Default: the name of the class or function. A queued handler needs one that stays: its deliveries
   * belong to it across deployments.
   */
  readonly name?: string | undefined;
}

/** Names in `to` instead of classes are taken for any event. */
export type EventOf<Target> = Target extends EventClass<infer E> ? E : Event;

type Decorator = (target: object, context?: unknown) => void;

type Targets = readonly (EventClass | string)[];

/** What a handler class declares about itself. */
export interface Declaration extends HandlesOptions {
  readonly to?: EventClass | string | Targets | undefined;
  readonly method?: string | undefined;
}

const declarations = new WeakMap<object, Declaration>();

/**
 * Declares which events a handler class is for; `store.subscribe(TheClass)` then needs no options.
 *
 * Works on a class as a legacy and as a standard decorator, and on a method as a legacy one. There, with
 * reflect-metadata loaded and `emitDecoratorMetadata` on, the event may be left out: the parameter's type names it.
 * Without decorators, `static handles = { to: [OrderPlaced], run: 'in-transaction' }` says the same.
 */
export function Handles<Target extends EventClass | string>(
  events: Target | readonly Target[],
  options?: HandlesOptions<EventOf<Target>>,
): Decorator;
export function Handles(events?: undefined, options?: HandlesOptions): Decorator;
export function Handles(events?: EventClass | string | Targets, options: HandlesOptions = {}): Decorator {
  const to = events === undefined ? undefined : [events].flat();
  return (target, context) => {
    if (isStandardMethod(context)) {
      throw new InvalidArgument('@Handles', 'on the class where standard decorators are used', 'a method');
    }
    const onMethod = typeof context === 'string' ? context : undefined;
    const owner = onMethod === undefined ? target : target.constructor;
    if (declarations.has(owner)) {
      throw new InvalidArgument(
        '@Handles',
        'used once in a class',
        'a second one',
        'Make a class for each handler.',
      );
    }
    declarations.set(owner, {
      ...options,
      to: to ?? (onMethod === undefined ? undefined : parameterType(target, onMethod)),
      method: onMethod,
    });
  };
}

/** What `handler` or a class it extends declares, by decorator or by `static handles`. */
export function handlesOf(handler: unknown): Declaration | undefined {
  if (typeof handler !== 'function') return undefined;
  for (let owner: object | null = handler; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const declared = declarations.get(owner);
    if (declared !== undefined) return declared;
  }
  const property: unknown = Reflect.get(handler, 'handles');
  return typeof property === 'object' && property !== null ? property : undefined;
}

function parameterType(prototype: object, method: string): Targets | undefined {
  const getMetadata: unknown = Reflect.get(Reflect, 'getMetadata');
  if (typeof getMetadata !== 'function') return undefined;
  const types: unknown = getMetadata('design:paramtypes', prototype, method);
  const first: unknown = Array.isArray(types) ? types[0] : undefined;
  return isEventClass(first) ? [first] : undefined;
}

function isStandardMethod(context: unknown): boolean {
  return typeof context === 'object' && context !== null && Reflect.get(context, 'kind') === 'method';
}
