import type { Effect } from '../../src/index.js';

/** What an effect carries besides its name: this is what is compared. */
export function bodyOf(effect: Effect): unknown {
  switch (effect.kind) {
    case 'call':
    case 'broadcast':
      return effect.args;
    case 'event':
      return { stream: effect.stream, data: effect.data };
    case 'row':
      return { key: effect.key, values: effect.values };
    default:
      return { data: effect.data, options: effect.options };
  }
}

/** The effect with another body, of the shape that {@link bodyOf} gives. */
export function withBody(effect: Effect, body: unknown): Effect {
  if (effect.kind === 'call' || effect.kind === 'broadcast') {
    return { ...effect, args: body as readonly unknown[] };
  }
  return { ...effect, ...(body as object) };
}
