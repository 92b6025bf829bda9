import type { DeliveryError } from '../../../../src/index.js';

const longest = 8_192;

export function errorJson({ name, message, stack }: DeliveryError): string {
  return JSON.stringify({
    name: keptText(name),
    message: keptText(message),
    stack: stack && keptText(stack),
  });
}

export function parseError(json: string | null): DeliveryError | undefined {
  if (json === null) return undefined;
  const { name, message, stack } = JSON.parse(json) as DeliveryError;
  return { name, message, stack };
}

/** What PostgreSQL takes as text, at a length that does no harm. */
export function keptText(text: string): string {
  return text.slice(0, longest).replaceAll('\u0000', '\u{FFFD}').toWellFormed();
}
