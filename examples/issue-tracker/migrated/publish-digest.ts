import type { EventStore } from 'handover';
import { DigestReady } from './events/digest-ready.js';

/** New code: it knows the store and no bus. The old listeners of `digest_ready` hear it all the same. */
export async function publishDigest(store: EventStore, login: string, contributions: number): Promise<void> {
  await store.publish(new DigestReady({ login, contributions }), { stream: `User-${login}` });
}
