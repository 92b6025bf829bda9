import { randomUUID } from 'node:crypto';
import { beforeAll } from '@jest/globals';
import { bullmqScheduler } from 'handover/bullmq';
import { describeWithRedis, type OwnRedis, startOwnRedis } from '../../support/redis.js';
import { queuedWork } from './queued-work.js';
import { Workshop } from './workshop.js';

const workshop = new Workshop();
const describe = describeWithRedis();

let redis: OwnRedis | undefined;

beforeAll(async () => {
  if (describe.name !== 'skip') redis = await startOwnRedis();
});

queuedWork({ name: 'taken from the log by their own process', workshop, open: () => () => undefined });

queuedWork({
  name: 'brought by BullMQ on Redis',
  workshop,
  describe,
  open: () => {
    const options = { connection: redis?.url ?? '', prefix: randomUUID() };
    return () => bullmqScheduler(options);
  },
});

queuedWork({
  name: 'brought by BullMQ on PostgreSQL',
  workshop,
  open: () => {
    const options = { postgres: workshop.url, queue: `q-${randomUUID()}` };
    return () => bullmqScheduler(options);
  },
});
