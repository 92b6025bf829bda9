import { EventStore } from 'handover';
import { mikroOrmLog } from 'handover/mikro-orm';
import { nextOrder, tellParent } from '../../support/processes-parent.js';
import { connectTraces, Noted } from './hazard-subjects.js';

/** A worker on a machine whose clock goes wrong by so many milliseconds. */
const [url = '', shift = '0'] = process.argv.slice(2);
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [RealDate.now() + Number(shift)] : given) as [number]));
  }
  static override now() {
    return RealDate.now() + Number(shift);
  }
} as DateConstructor;

const orm = await connectTraces(url);
const store = new EventStore({ log: mikroOrmLog(orm) });
store.subscribe(
  async () => {
    tellParent('running');
    if ((await nextOrder()) === 'fail') throw new Error('as told');
  },
  {
    to: [Noted],
    run: 'queued',
    name: 'clocked',
    backoff: { base: 600_000, cap: 600_000 },
    effects: 'external',
  },
);
await store.publish(new Noted({ note: 1 }, { id: 'told by the wrong clock' }));
await using worker = await store.work({ leaseFor: 60_000, signals: [] });
await worker.idle();
tellParent('idle');
await nextOrder();
