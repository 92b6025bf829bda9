import type { Scheduler } from 'handover';
import type { Place } from '../databases.js';
import type { Handlers, Surroundings } from '../migrated/pairs/handlers.js';
import type { Queue } from '../scheduling.js';
import { batchesOf } from './paired-webhooks.js';
import { type ReleaseFacts, runRelease } from './release.js';

/** What a release is told when it starts, in its first message. */
export interface ReleaseOrder {
  readonly place: Place;
  /** Left out: queued handlers are woken in the process itself. */
  readonly queue?: Queue | undefined;
  readonly batches: number;
}

export type ReleaseMessage = 'received' | { readonly facts: ReleaseFacts } | { readonly failed: string };

/** The whole program of a release. It ends when it is done, or when its parent does. */
export function serveRelease(handlersOf: (surroundings: Surroundings) => Handlers): void {
  process.once('disconnect', () => process.exit());
  process.once('message', (order) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `startRelease` sends one
    follow(order as ReleaseOrder, handlersOf)
      .then((facts) => tell({ facts }))
      .catch((error: unknown) => tell({ failed: error instanceof Error ? error.message : String(error) }));
  });
}

async function follow(
  { place, queue, batches }: ReleaseOrder,
  handlersOf: (surroundings: Surroundings) => Handlers,
): Promise<ReleaseFacts> {
  const scheduler = queue && (await schedulerOn(queue));
  return runRelease({ place, scheduler, handlersOf, batches: batchesOf(batches), onReceived: tellReceived });
}

/** Loaded only where there is a Redis: a release shall start quickly. */
async function schedulerOn({ url, prefix }: Queue): Promise<Scheduler> {
  const { bullmqScheduler } = await import('handover/bullmq');
  return bullmqScheduler({ connection: url, prefix });
}

function tellReceived(): void {
  tell('received');
}

function tell(message: ReleaseMessage): void {
  process.send?.(message);
}
