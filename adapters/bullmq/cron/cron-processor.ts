import type { Job } from 'bullmq';
import { v5 } from 'uuid';
import { DuplicateEvent, type Event, type SchedulerHost } from '../../../src/index.js';
import type { Processor } from '../backend.js';
import { offerAgain } from '../delivery-processor.js';
import type { BullmqCron, CronSlot } from '../options.js';

const namespace = '0f3e3c5e-6d0c-5f0a-9d57-2f3d1b0b9a51';

/** Publishes one event for each slot, however often it fires. */
export function cronProcessor(
  crons: Readonly<Record<string, BullmqCron>>,
  publish: SchedulerHost['publish'],
): Processor {
  return async (job, token) => {
    const cron = Object.hasOwn(crons, job.name) ? crons[job.name] : undefined;
    // An older or newer version of the program knows it.
    if (cron === undefined) return offerAgain(job, token);
    const slot = slotOf(job);
    const event = withId(cron.event(slot), v5(`${slot.name} ${slot.at.toISOString()}`, namespace));
    try {
      await publish(event, cron.stream === undefined ? {} : { stream: cron.stream });
    } catch (error) {
      if (!(error instanceof DuplicateEvent)) throw error;
    }
    return undefined;
  };
}

/** BullMQ's id of a firing ends with the time that it was planned for. */
function slotOf(job: Job): CronSlot {
  const planned = Number(job.id?.split(':').at(-1));
  const at = new Date(Number.isSafeInteger(planned) ? planned : job.timestamp + job.delay);
  return { name: job.name, at };
}

function withId(event: Event, id: string): Event {
  const copy: Event = Object.create(Object.getPrototypeOf(event) as object) as Event;
  return Object.defineProperties(copy, {
    ...Object.getOwnPropertyDescriptors(event),
    id: { value: id, enumerable: true },
  });
}
