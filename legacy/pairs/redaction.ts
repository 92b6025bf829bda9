import type { Effect } from '../../src/index.js';
import type { Difference } from './differences.js';
import { bodyOf, withBody } from './effect-body.js';
import { partsOf } from './field-path.js';
import type { Observation } from './observation.js';

const secret = /pass(word|wd|phrase)|token|secret|authori[sz]ation|cookie|api[-_]?key|card|iban|ssn/i;
const blackened = '[redacted]';

/** What nobody should read in what is stored of a pair: fields whose names speak of secrets, at any depth. */
export class Redaction {
  readonly #further: ReadonlySet<string>;

  /** @param further Names of fields, beside the usual secrets. */
  constructor(further: ReadonlySet<string>) {
    this.#further = further;
  }

  /** @param put What stands in place of a secret. */
  effect(effect: Effect, put: (value: unknown) => unknown = () => blackened): Effect {
    return withBody(effect, this.#within(bodyOf(effect), put));
  }

  difference({ path, ...sides }: Difference): Difference {
    const [, ...fields] = partsOf(path);
    const isSecret = fields.some((field) => this.isSecret(field));
    const put = (side: unknown) => (isSecret ? blackened : this.#side(side));
    return {
      path,
      ...('listener' in sides && { listener: put(sides.listener) }),
      ...('handler' in sides && { handler: put(sides.handler) }),
    };
  }

  /** Without what only a comparison needs: it may hold secrets that no name tells. */
  observation(observation: Observation): Observation {
    const effects = observation.effects.map((effect) => this.effect(effect));
    return { ...observation, effects, madeIds: undefined, shared: undefined };
  }

  isSecret(name: string): boolean {
    return this.#further.has(name) || secret.test(name);
  }

  #side(side: unknown): unknown {
    return isEffect(side) ? this.effect(side) : this.#within(side, () => blackened);
  }

  #within(value: unknown, put: (value: unknown) => unknown): unknown {
    if (Array.isArray(value)) return value.map((each: unknown) => this.#within(each, put));
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]: [string, unknown]) => [
        key,
        this.isSecret(key) && each !== undefined ? put(each) : this.#within(each, put),
      ]),
    );
  }
}

function isEffect(side: unknown): side is Effect {
  return typeof side === 'object' && side !== null && 'kind' in side;
}
