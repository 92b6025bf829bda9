import { describeValue } from '../errors/argument-errors.js';
import type { DeliveryError } from './delivery-log.js';

const longest = 8_192;

/** Anything that was thrown, as text that every database takes. Never throws itself. */
export function toDeliveryError(thrown: unknown): DeliveryError {
  const [name, message, stack] = ['name', 'message', 'stack'].map((key) => textOf(thrown, key));
  return { name: name ?? typeof thrown, message: message ?? kept(describeValue(thrown)), stack };
}

function textOf(thrown: unknown, key: string): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  try {
    const value: unknown = Reflect.get(thrown, key);
    return typeof value === 'string' ? kept(value) : undefined;
  } catch {
    return undefined;
  }
}

function kept(text: string): string {
  return text.slice(0, longest).replaceAll('\0', '\u{FFFD}').toWellFormed();
}
