import assert from 'node:assert/strict';
import type { Replay, ReplayRequest, StartedReplay } from '../../delivery/delivery-log.js';
import type { EventLog } from '../../log/event-log.js';
import { claim, deliveriesOf, eventIdsOf, sequenceAll, tokensOf } from './delivery-actions.js';

export async function startReplay(
  log: EventLog,
  handler: string,
  request: Omit<ReplayRequest, 'handler'> = {},
): Promise<StartedReplay> {
  const started = await deliveriesOf(log).startReplay({ handler, ...request });
  return started ?? assert.fail(`${handler} is registered`);
}

/** The latest replay of `handler`, as soon as nothing of it is still to be made. */
export async function madeDue(log: EventLog, handler: string): Promise<Replay> {
  // A history is made due in steps of a thousand.
  for (let step = 0; step < 5; step += 1) await sequenceAll(log);
  const [latest] = await deliveriesOf(log).replays(handler);
  return latest ?? assert.fail(`${handler} was replayed`);
}

export async function figures(log: EventLog, handler: string) {
  const { total, done, dead } = await madeDue(log, handler);
  return { total, done, dead };
}

export async function handleAll(log: EventLog, handler: string): Promise<readonly string[]> {
  const claimed = await claim(log, handler);
  assert.deepEqual(await deliveriesOf(log).complete(tokensOf(claimed)), []);
  return eventIdsOf(claimed);
}
