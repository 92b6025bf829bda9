import type { Effect } from '../../src/index.js';

/** What an effect carries besides its name: this is what is compared. */
export function bodyOf(effect: Effect): unknown {
  switch (effect.kind) {
    case 'call':
    case 'broadcast':
      return effect.args;
    case 'event':
      return eventBody(effect);
    case 'row':
      return { key: effect.key, values: effect.values };
    default:
      return { data: effect.data, options: effect.options };
  }
}

/** Without what was not said of it: verdicts of earlier versions do not have it either. */
function eventBody({ stream, data, metadata, validAt, appended }: Extract<Effect, { kind: 'event' }>) {
  return {
    stream,
    data,
    ...(metadata !== undefined && { metadata }),
    ...(validAt !== undefined && { validAt }),
    ...(appended !== undefined && { appended }),
  };
}

/** The effect with another body, of the shape that {@link bodyOf} gives. */
export function withBody(effect: Effect, body: unknown): Effect {
  if (effect.kind === 'call' || effect.kind === 'broadcast') {
    return { ...effect, args: body as readonly unknown[] };
  }
  return { ...effect, ...(body as object) };
}
