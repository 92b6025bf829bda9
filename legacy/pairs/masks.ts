import { effectName, InvalidArgument, type Effect } from '../../src/index.js';
import type { Difference } from './differences.js';
import { bodyOf, withBody } from './effect-body.js';
import { below, partsOf } from './field-path.js';

/** In place of a field that is taken out. */
export const masked = '<masked>';
const anyPart = '*';

/**
 * Fields that are taken out of both sides before they are compared: paths as a difference prints them, `*` for any one
 * part. A field that is there keeps its place, so that one which the other side lacks is still a difference.
 */
export class Masks {
  readonly paths: readonly string[];
  readonly #parts: readonly (readonly string[])[];

  /** @throws {InvalidArgument} */
  constructor(paths: readonly string[] = []) {
    const wrong = Array.isArray(paths) ? paths.find((path) => !isMask(path)) : (paths as unknown);
    if (wrong !== undefined) {
      throw new InvalidArgument(
        'masks',
        'paths of fields within effects',
        wrong,
        "Write them as the report prints differences, such as `masks: ['mails.send › 0 › nonce']`. A whole effect cannot be masked: leave it out in `normalise`.",
      );
    }
    this.paths = paths;
    this.#parts = paths.map(partsOf);
  }

  /** @param used Gets the masks that matched a field. */
  apply(effect: Effect, used: Set<string>): Effect {
    if (this.paths.length === 0) return effect;
    const mine = this.#parts.map(([name]) => name).includes(effectName(effect));
    return mine ? withBody(effect, this.#without(bodyOf(effect), effectName(effect), used)) : effect;
  }

  /** True of what the masks would have kept from being a difference. */
  hides({ path, ...sides }: Difference): boolean {
    const isOnBoth = 'listener' in sides && 'handler' in sides;
    const { length } = partsOf(path);
    return this.hiding(path).some((mask) => isOnBoth || partsOf(mask).length < length);
  }

  /** The masks at this path or above it. */
  hiding(path: string): readonly string[] {
    const parts = partsOf(path);
    return this.paths.filter((_, nth) => covers(this.#parts[nth] ?? [], parts));
  }

  #without(value: unknown, path: string, used: Set<string>): unknown {
    const matching = this.hiding(path);
    if (matching.length > 0) {
      for (const mask of matching) used.add(mask);
      return masked;
    }
    if (typeof value !== 'object' || value === null) return value;
    const inner = (each: unknown, key: string) =>
      each === undefined ? each : this.#without(each, below(path, key), used);
    if (Array.isArray(value)) return value.map((each, place) => inner(each, String(place)));
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inner(each, key)]));
  }
}

/** At the path, or above it. */
function covers(mask: readonly string[], parts: readonly string[]): boolean {
  return mask.length <= parts.length && mask.every((part, nth) => part === anyPart || part === parts[nth]);
}

function isMask(path: unknown): boolean {
  if (typeof path !== 'string') return false;
  const [effect, ...fields] = partsOf(path);
  return effect !== anyPart && fields.length > 0 && [effect, ...fields].every((part) => part?.trim() !== '');
}
