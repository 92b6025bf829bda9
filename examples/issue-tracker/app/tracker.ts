import type { MikroORM } from '@mikro-orm/postgresql';
import { Digest } from './digest.js';
import { receive } from './ingest/receive.js';
import { type Listeners, createListeners, subscribeAll } from './listeners/listeners.js';
import type { Webhook } from './webhook.js';

export interface Tracker {
  readonly listeners: Listeners;
  /** @throws {SenderBlocked} Nothing of the webhook was stored. */
  receive(webhook: Webhook): Promise<void>;
  block(login: string): void;
  sendDigests(): void;
  /** Its listeners hear nothing from now on. */
  readonly close: () => void;
}

export class SenderBlocked extends Error {
  constructor(login: string) {
    super(`${login} is blocked`);
    this.name = 'SenderBlocked';
  }
}

/** The application. It knows of no store: what `broadcast()` means is up to the bus. */
export function createTracker(orm: MikroORM, listeners: Listeners = createListeners(orm.em)): Tracker {
  const blocked = new Set<string>();
  const close = subscribeAll(listeners);

  return {
    listeners,
    close,
    async receive(webhook) {
      await orm.em.fork().transactional(async (em) => {
        await receive(em, webhook);
        await em.flush();
        // Far too late, after every listener has run; but this is how it grew.
        const { login } = webhook.payload.sender;
        if (blocked.has(login)) throw new SenderBlocked(login);
      });
    },
    block: (login) => void blocked.add(login),
    sendDigests: () => new Digest().send(listeners.graph),
  };
}
