import { outsideScopes } from '../effects/effect-scope.js';
import { isCallHeldBack } from '../effects/held-back.js';
import { checkEventId } from '../events/event-id.js';
import type { Event } from '../events/event.js';
import { requiredVersion, type ExpectedVersion } from '../events/expected-version.js';
import { checkStreamName } from '../events/stream-name.js';
import type { EventLog } from '../log/event-log.js';
import { checkLinkOptions } from './options.js';
import type { Preparation } from './preparation.js';

export interface LinkOptions {
  readonly stream: string;
  readonly expectedVersion?: ExpectedVersion | undefined;
}

const port = 'event store';

/** What changes streams without recording anything new. */
export class StreamChanges {
  readonly #log: EventLog;
  readonly #preparation: Preparation;

  constructor(log: EventLog, preparation: Preparation) {
    this.#log = log;
    this.#preparation = preparation;
  }

  async link(eventIds: string | readonly string[], options: LinkOptions): Promise<void> {
    checkLinkOptions(options);
    const stream = checkStreamName(options.stream);
    const { expectedVersion = 'any' } = options;
    const expected = requiredVersion(expectedVersion, stream);
    const ids = [eventIds].flat().map((id: unknown) => checkEventId('eventId', id));
    if (ids.length === 0 || isCallHeldBack(port, 'link', [ids, options])) return;
    await outsideScopes(() => this.#log.link({ stream, expected, eventIds: ids }));
  }

  async deleteStream(stream: string): Promise<void> {
    const name = checkStreamName(stream);
    if (isCallHeldBack(port, 'deleteStream', [name])) return;
    await outsideScopes(() => this.#log.deleteStream(name));
  }

  async overwrite(events: Event | readonly Event[]): Promise<void> {
    const given: readonly unknown[] = [events].flat();
    const prepared = await Promise.all(given.map(async (event) => this.#preparation.prepareAsIs(event)));
    if (prepared.length === 0 || isCallHeldBack(port, 'overwrite', [given])) return;
    await outsideScopes(() => this.#log.overwrite(prepared.map((each) => each.record)));
  }
}
