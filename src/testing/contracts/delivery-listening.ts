import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import {
  claim,
  deliveriesOf,
  eventIdsOf,
  eventually,
  handlerOf,
  publish,
  register,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecord } from './new-record.js';

interface Ear {
  /** How often it was woken. */
  heard: number;
  readonly stop: () => Promise<void>;
}

async function listenOn(log: EventLog): Promise<Ear> {
  const ear: Ear = {
    heard: 0,
    stop: await deliveriesOf(log).listen(() => {
      ear.heard += 1;
    }),
  };
  return ear;
}

async function hears(ear: Ear, moreThan = 0): Promise<void> {
  await eventually('the listener is woken', async () => (ear.heard > moreThan ? true : undefined));
}

export function listening({ test, listeningTest }: DeliveryTests): void {
  listeningTest(
    'wakes when deliveries have been made, which can be claimed then',
    async ({ log, beside }) => {
      await register(log, 'a');
      const claimed = Promise.withResolvers<readonly string[]>();
      const stop = await deliveriesOf(log).listen(() => {
        claim(log, 'a').then((found) => claimed.resolve(eventIdsOf(found)), claimed.reject);
      });
      const record = newRecord();
      await publish(beside, 's', record);
      assert.deepEqual(await claimed.promise, [record.id]);
      await stop();
    },
  );

  listeningTest('wakes every listener, again and again', async ({ log, beside }) => {
    await register(log, 'a');
    const ears = [await listenOn(log), await listenOn(log), await listenOn(beside)];
    for (let round = 0; round < 3; round += 1) {
      const before = ears.map(({ heard }) => heard);
      await publish(log, 's', newRecord());
      for (const [nth, ear] of ears.entries()) await hears(ear, before[nth]);
    }
    for (const ear of ears) await ear.stop();
  });

  listeningTest('wakes nobody who has stopped listening', async ({ log }) => {
    await register(log, 'a');
    const [gone, present] = [await listenOn(log), await listenOn(log)];
    await gone.stop();
    for (let round = 0; round < 3; round += 1) {
      const before = present.heard;
      await publish(log, 's', newRecord());
      await hears(present, before);
    }
    assert.equal(gone.heard, 0);
    await present.stop();
  });

  listeningTest('wakes nobody for events without deliveries', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['A'] }));
    const ear = await listenOn(log);
    await publish(log, 's', newRecord('B'), newRecord('B'));
    await publish(log, 's', newRecord('A'));
    await hears(ear);
    assert.equal(ear.heard, 1);
    await ear.stop();
  });

  test('can be stopped twice, and after nothing has happened', async ({ log }) => {
    const ear = await listenOn(log);
    await ear.stop();
    await ear.stop();
    assert.equal(ear.heard, 0);
  });
}
