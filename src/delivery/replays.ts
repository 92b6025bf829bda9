import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import { ReplayRefused } from '../errors/replay-errors.js';
import { checkReason } from './dead-letters.js';
import type { DeliveryLog, Replay } from './delivery-log.js';
import type { QueuedSettings } from './queued-options.js';
import { watched, type WatchedReplay } from './watched-replay.js';

/** What to replay, and why. The reason is kept with the replay. */
export type ReplayOptions = { readonly after?: bigint | undefined } & (
  | { readonly force?: undefined; readonly reason?: string | undefined }
  | { readonly force: true; readonly reason: string }
);

/** A replay as `start` gives it back. */
export interface RunningReplay extends WatchedReplay {
  /** True when it was under way already: nothing was started, and what it has done is not done again. */
  readonly resumed: boolean;
}

export interface ReplaysParts {
  readonly log: Pick<DeliveryLog, 'startReplay' | 'replays' | 'registrations'>;
  /** Of a handler that is subscribed here. */
  readonly kindOf: (handler: string) => QueuedSettings['kind'] | undefined;
  /** Makes what is subscribed here known to the log. */
  readonly register: () => Promise<void> | undefined;
  readonly wake: () => void;
}

const startOptions = ['after', 'force', 'reason'];
const lastPosition = 2n ** 63n - 1n;

/** History handled again by one queued handler: workers do it, as any other work. */
export class Replays {
  readonly #parts: ReplaysParts;

  constructor(parts: ReplaysParts) {
    this.#parts = parts;
  }

  /**
   * Makes all events of a handler's types due again, up to the last one recorded: done, skipped, dead and never
   * delivered ones. What waits or runs at this moment is handled once. Handlers see `context.replaying`.
   *
   * To build a read model anew, empty its tables and then start the replay in one transaction: each event counts once,
   * whatever is published meanwhile. While a replay is under way, `start` goes on with that one; see `resumed`. A crash
   * ends nothing: it goes on wherever a worker runs.
   *
   * @param options `after`: only events behind this position. `force: true`, with a `reason`: also a reaction, or a
   * handler that is not subscribed here.
   * @throws {ReplayRefused} {InvalidArgument} {SchemaOutdated} Nothing was started.
   */
  async start(handler: string, options: ReplayOptions = {}): Promise<RunningReplay> {
    const name = checkName(handler);
    const { after, force, reason } = checkStart(options);
    await this.#parts.register();
    if (force !== true) await this.#refuse(name);
    const started = await this.#parts.log.startReplay({ handler: name, after, reason });
    if (started === undefined) throw new ReplayRefused(name, 'unknown-handler');
    this.#parts.wake();
    const { resumed } = started;
    return { ...this.#watched(started), resumed };
  }

  /** Newest first, of one handler or of all. Those of the past are kept. @throws {InvalidArgument} */
  async list(query: { readonly handler?: string | undefined } = {}): Promise<readonly WatchedReplay[]> {
    checkKnownOptions(query, ['handler'], "`{ handler: 'catalog.price-view' }`");
    const { handler } = query;
    const replays = await this.#parts.log.replays(handler === undefined ? undefined : checkName(handler));
    return replays.map((each) => this.#watched(each));
  }

  #watched(replay: Replay): WatchedReplay {
    const { id, handler } = replay;
    return watched(replay, async () =>
      (await this.#parts.log.replays(handler)).find((each) => each.id === id),
    );
  }

  /** @throws {ReplayRefused} It is no projection, as far as is known here. */
  async #refuse(handler: string): Promise<void> {
    const kind = this.#parts.kindOf(handler);
    if (kind === 'projection') return;
    if (kind === 'reaction') throw new ReplayRefused(handler, kind);
    const registrations = await this.#parts.log.registrations();
    const isKnown = registrations.some(({ name }) => name === handler);
    throw new ReplayRefused(handler, isKnown ? 'not-subscribed' : 'unknown-handler');
  }
}

function checkName(handler: unknown): string {
  if (typeof handler === 'string' && handler !== '') return handler;
  throw new InvalidArgument('handler', 'the name of a queued handler', handler);
}

function checkStart(options: unknown): ReplayOptions {
  checkKnownOptions(options, startOptions, "`{ force: true, reason: 'the mails were lost' }`");
  const { after, force, reason } = options as Record<string, unknown>;
  if (after !== undefined && !(typeof after === 'bigint' && after >= 0n && after <= lastPosition)) {
    throw new InvalidArgument('after', 'a position, as a bigint from 0', after);
  }
  if (force !== undefined && force !== true) {
    throw new InvalidArgument('force', '`true` or left out', force);
  }
  const remedy = 'Say why history is handled again; it is kept.';
  if (force === true) return { after, force, reason: checkReason(reason, remedy) };
  return { after, reason: reason === undefined ? undefined : checkReason(reason, remedy) };
}
