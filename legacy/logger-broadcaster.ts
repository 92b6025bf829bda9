import { inspect } from 'node:util';
import { type Broadcaster, isBroadcaster, sendBroadcaster } from './broadcaster.js';
import { InvalidArgument } from '../src/index.js';

export interface Logger {
  info(line: string): unknown;
}

/** Logs one line for each delivery, before the delivery, and leaves the delivery to another broadcaster. */
export class LoggerBroadcaster implements Broadcaster {
  readonly #logger: Logger;
  readonly #inner: Broadcaster;

  /** @param inner Default: the direct call. */
  constructor(logger: Logger, inner: Broadcaster = sendBroadcaster) {
    if (typeof logger?.info !== 'function')
      throw new InvalidArgument('logger', 'an object with a method `info`', logger);
    if (!isBroadcaster(inner))
      throw new InvalidArgument('inner', 'an object with a method `broadcast`', inner);
    this.#logger = logger;
    this.#inner = inner;
  }

  broadcast(
    listener: object,
    publisher: object | undefined,
    methodName: string,
    ...args: unknown[]
  ): unknown {
    const described =
      args.length === 0 ? 'no arguments' : args.map((each) => describeArgument(each)).join(', ');
    this.#logger.info(
      `[WISPER] ${label(publisher)} published ${methodName} to ${label(listener)} ` +
        `with ${described} and no keyword arguments`,
    );
    return this.#inner.broadcast(listener, publisher, methodName, ...args);
  }
}

/** @param inner Default: the direct call. */
export function loggerBroadcaster(logger: Logger, inner: Broadcaster = sendBroadcaster): LoggerBroadcaster {
  return new LoggerBroadcaster(logger, inner);
}

function describeArgument(argument: unknown): string {
  if (argument === null || argument === undefined) return String(argument);
  if (typeof argument !== 'object' && typeof argument !== 'function') {
    return `${Object(argument).constructor.name}: ${inspect(argument)}`;
  }
  const printed =
    Array.isArray(argument) || className(argument) === 'Object' || className(argument) === 'Map';
  return printed ? `${label(argument)}: ${inspect(argument, { breakLength: Infinity })}` : label(argument);
}

function label(object: unknown): string {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return String(object);
  return `${className(object)}#${String(identityOf(object))}`;
}

function className(object: object): string {
  if (typeof object === 'function') return object.name === '' ? 'Function' : object.name;
  const prototype: unknown = Object.getPrototypeOf(object);
  const maker: unknown =
    prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'Object';
}

const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/** The first of `id`, `uuid` and `key` that has a value; else a number that the object keeps in this process. */
function identityOf(object: object): unknown {
  for (const name of ['id', 'uuid', 'key']) {
    const given: unknown = Reflect.get(object, name);
    const value: unknown =
      typeof given === 'function' && given.length === 0 ? Reflect.apply(given, object, []) : given;
    if (value !== undefined && value !== null && typeof value !== 'function') return value;
  }
  const number = numbers.get(object) ?? (lastNumber += 1);
  numbers.set(object, number);
  return number;
}
