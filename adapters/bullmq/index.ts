export { bullmqScheduler } from './bullmq-scheduler.js';
export type { BullmqCron, BullmqQueueOptions, BullmqSchedulerOptions, CronSlot } from './options.js';
export { SchedulerUnreachable } from './scheduler-unreachable.js';
