import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import { EventNotFound } from '../errors/log-errors.js';
import { checkEventId } from '../events/event-id.js';
import { checkStreamName } from '../events/stream-name.js';
import type { EventLog } from '../log/event-log.js';

/** Questions about where events are, with their arguments checked. */
export class Lookups {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  streamsOf(eventId: string): Promise<readonly string[]> {
    return this.#log.streamsOf(checkEventId('eventId', eventId));
  }

  async versionIn(stream: string, eventId: string): Promise<number> {
    const version = await this.#versionIn(stream, eventId);
    if (version === undefined) throw new EventNotFound(eventId, stream);
    return version;
  }

  async isIn(stream: string, eventId: string): Promise<boolean> {
    return (await this.#versionIn(stream, eventId)) !== undefined;
  }

  async positionOf(eventId: string): Promise<bigint> {
    const position = await this.#log.positionOf(checkEventId('eventId', eventId));
    if (position === undefined) throw new EventNotFound(eventId);
    return position;
  }

  async searchStreams(
    prefix: string,
    options: { readonly limit?: number | undefined },
  ): Promise<readonly string[]> {
    checkKnownOptions(options, ['limit'], '`{ limit: 20 }`');
    const { limit = 10 } = options;
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw new InvalidArgument('limit', 'a whole number from 1', limit);
    if (typeof prefix !== 'string') throw new InvalidArgument('prefix', 'a string', prefix);
    return prefix === '' || isSearchable(prefix) ? this.#log.searchStreams(prefix, limit) : [];
  }

  #versionIn(stream: string, eventId: string): Promise<number | undefined> {
    return this.#log.versionIn(checkStreamName(stream), checkEventId('eventId', eventId));
  }
}

function isSearchable(prefix: string): boolean {
  return prefix.isWellFormed() && !prefix.includes('\0');
}
