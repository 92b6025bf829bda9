import { createHash, randomBytes } from 'node:crypto';

/** Nobody outside of this process can foretell what a captured run draws. */
const secret = randomBytes(32);
/** Looks at the clock for which it stands still. */
const patience = 10_000;

/**
 * Clock and chance of a captured run: the same for each run of one event, whenever it runs.
 *
 * Bytes of `getRandomValues` and `randomBytes` are left out on purpose. Makers of ids draw them in stock, and would hand
 * out what was drawn here to the rest of the program.
 */
export class FrozenWorld {
  readonly start: number;
  readonly #seed: string;
  #looks = 0;
  #drawn = 0;

  /** @param at Milliseconds since 1970. @param seed Such as the event's id. */
  constructor(at: number, seed: string) {
    this.start = at;
    this.#seed = seed;
  }

  /** Stands still; after 10 000 looks each one is a millisecond later, so that a loop which waits for time ends. */
  now(): number {
    this.#looks += 1;
    return this.last;
  }

  /** The latest time that the run has seen. */
  get last(): number {
    return this.start + Math.max(0, this.#looks - patience);
  }

  /** From 0 to 1, as `Math.random`. */
  random(): number {
    return this.#draw().readUIntBE(0, 6) / 2 ** 48;
  }

  /** A UUID of version 4. */
  uuid(): string {
    const bytes = this.#draw();
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  #draw(): Buffer {
    this.#drawn += 1;
    return createHash('sha256').update(secret).update(`${this.#seed} ${this.#drawn}`).digest();
  }
}
