import { setTimeout as delay } from 'node:timers/promises';
import type { Contender } from '../rounds.js';
import type { Deliverer, Working } from './contender.js';
import type { Jobs } from './jobs.js';

export interface Participant {
  readonly deliverer: Deliverer;
  readonly jobs: Jobs;
}

/** The jobs lie there, and are handled by one worker. Its start counts. */
export function draining({ deliverer, jobs }: Participant, aim?: number): Contender {
  return turn(
    deliverer,
    { aim, share: deliverer.share ?? 1 },
    {
      before: async (times) => {
        await deliverer.fill(jobs.take(times));
        return undefined;
      },
      run: async () => {
        const working = await deliverer.work();
        await jobs.allHandled();
        await working.idle();
        return working;
      },
    },
  );
}

/** So many publishers at a time store jobs one by one while one worker handles them. */
export function publishing({ deliverer, jobs }: Participant, publishers: number, aim?: number): Contender {
  const share = deliverer.shareOneByOne ?? deliverer.share ?? 1;
  return turn(
    deliverer,
    { aim, share },
    {
      before: () => deliverer.work(),
      run: async (times, working) => {
        const left = [...jobs.take(times)];
        const publisher = async () => {
          for (let next = left.pop(); next !== undefined; next = left.pop()) await deliverer.publish(next);
        };
        await Promise.all(Array.from({ length: publishers }, publisher));
        await jobs.allHandled();
        await working?.idle();
        return working;
      },
    },
  );
}

interface Turn {
  readonly before: (times: number) => Promise<Working | undefined>;
  readonly run: (times: number, working: Working | undefined) => Promise<Working | undefined>;
}

interface Measure {
  readonly aim: number | undefined;
  readonly share: number;
}

function turn(deliverer: Deliverer, { aim, share }: Measure, { before, run }: Turn): Contender {
  let working: Working | undefined;
  return {
    name: deliverer.name,
    share,
    ...(aim === undefined ? {} : { aim }),
    async prepare(times) {
      await deliverer.prepare?.();
      working = await before(times);
    },
    async run(times) {
      working = await run(times, working);
    },
    async clear() {
      await working?.stop();
    },
  };
}

/** Milliseconds from the call that stores a job to the start of its handler, each with nothing else under way. */
export async function latencies({ deliverer, jobs }: Participant, samples: number): Promise<number[]> {
  const taken: number[] = [];
  await deliverer.prepare?.();
  const working = await deliverer.work();
  for (let sample = -warmUp; sample < samples; sample += 1) {
    await delay(5 + Math.random() * 10);
    const [number = 0] = jobs.take(1);
    const started = jobs.nextStart();
    const begin = performance.now();
    const published = deliverer.publish(number);
    if (sample < 0) await started;
    else taken.push((await started) - begin);
    await published;
  }
  await working.idle();
  await working.stop();
  return taken;
}

const warmUp = 10;
