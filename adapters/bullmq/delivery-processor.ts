import { DelayedError, type Job } from 'bullmq';
import type { DeliveryJob, SchedulerHost } from '../../src/index.js';
import type { Processor } from './backend.js';

const shortest = 25;
const longest = 2_000;
/** Milliseconds after which nobody is looked for any more: the log hands the delivery over again. */
const givenUpAfter = 60_000;

/** Runs jobs of deliveries by the host. */
export function deliveryProcessor({ run }: Pick<SchedulerHost, 'run'>): Processor {
  return async (job, token) => {
    const data = dataOf(job);
    const outcome = await run(data);
    if (outcome.kind === 'elsewhere') await offerAgain(job, token);
    if (outcome.kind === 'failed') throw new Error(summaryOf(outcome.error, data.eventId));
  };
}

/** The older, the later: others come and go, and may never come. */
export async function offerAgain(job: Job, token: string | undefined): Promise<void> {
  const age = Math.max(0, Date.now() - job.timestamp);
  if (age > givenUpAfter) return;
  const pause = Math.min(longest, Math.max(shortest, age / 2)) * (0.5 + Math.random() / 2);
  await job.moveToDelayed(Date.now() + Math.ceil(pause), token);
  throw new DelayedError();
}

function dataOf(job: Job): Pick<DeliveryJob, 'token' | 'handler' | 'eventId'> {
  const { token, handler, eventId } = job.data as Record<string, unknown>;
  if (typeof token === 'string' && typeof handler === 'string' && typeof eventId === 'string') {
    return { token, handler, eventId };
  }
  throw new Error(`Job ${job.id} is no delivery. Give other jobs a queue of their own.`);
}

/** What went wrong may hold anything; it stays in the log. */
function summaryOf(error: unknown, eventId: string): string {
  const name = error instanceof Error ? error.name : typeof error;
  return `${name}. See store.why('${eventId}').`;
}
